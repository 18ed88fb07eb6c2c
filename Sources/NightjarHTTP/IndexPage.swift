/// The page at `/`.
enum IndexPage {
    static let html = """
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <link rel="icon" href="data:,">
        <title>Nightjar</title>
        <style>
          body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem; color: #222 }
          a { color: #24527a } code { background: #f2f2f2; padding: .1em .3em }
        </style>
        <h1>Nightjar</h1>
        <p>Starts a background job when something happens, and never loses one.</p>
        <ul>
          <li><a href="/v1/runs">Runs</a>, <a href="/v1/jobs">jobs</a>, <a href="/v1/triggers">triggers</a>,
              <a href="/v1/events">events</a></li>
          <li><a href="/v1/updates">Live changes</a> as server-sent events</li>
          <li><a href="/healthz">Health</a>, <a href="/readyz">readiness</a></li>
          <li><a href="/openapi.json">The API's description</a> (OpenAPI 3.1)</li>
        </ul>
        </html>
        """
}
