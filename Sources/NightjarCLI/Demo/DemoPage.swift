/// The page of the order example.
enum DemoPage {
    static let html = #"""
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <link rel="icon" href="data:,">
        <title>Orders, by Nightjar</title>
        <style>
          :root { color-scheme: light dark; --line: #8884; --accent: #2a6f97 }
          body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem }
          h1 { font-size: 1.6rem; margin: 0 } p { margin: .3rem 0 1.2rem }
          form { display: flex; gap: .6rem; flex-wrap: wrap; align-items: end }
          label { display: grid; font-size: .85rem } input, button { font: inherit; padding: .45rem .7rem }
          button { background: var(--accent); color: white; border: 0; border-radius: .4rem; cursor: pointer }
          #answer { min-height: 1.6rem; margin: .8rem 0 1.4rem }
          article { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .9rem; margin: .6rem 0 }
          article header { display: flex; justify-content: space-between; gap: 1rem }
          article small { opacity: .75 } progress { width: 100%; height: .5rem; accent-color: var(--accent) }
          .completed { color: #2b9348 } .retryable { color: #d08c00 } .dead { color: #c1121f }
        </style>
        <h1>Order something</h1>
        <p>You are answered at once; charging, receipt and search index run in the background.</p>
        <form id="order">
          <label>Item <input name="item" value="teapot" required></label>
          <label>Quantity <input name="quantity" type="number" min="1" value="1" required></label>
          <button>Place the order</button>
        </form>
        <div id="answer" role="status"></div>
        <section id="runs" aria-label="Runs"></section>
        <script>
          const runs = new Map();
          const list = document.getElementById('runs');
          function show(id) {
            const run = runs.get(id);
            if (!run.element) { run.element = document.createElement('article'); list.prepend(run.element); }
            const done = run.state === 'completed';
            const header = document.createElement('header');
            const name = document.createElement('strong');
            name.textContent = run.job || 'run';
            const state = document.createElement('span');
            state.className = run.state;
            state.textContent = run.state + (run.attempt > 1 ? ', attempt ' + run.attempt : '');
            header.append(name, state);
            const bar = document.createElement('progress');
            bar.max = 1;
            bar.value = done ? 1 : (run.fraction || 0);
            const note = document.createElement('small');
            note.textContent = done ? 'done' : (run.reason || run.text || '\u00a0');
            run.element.replaceChildren(header, bar, note);
          }
          new EventSource('/v1/updates').addEventListener('run', message => {
            const update = JSON.parse(message.data);
            const run = runs.get(update.run) || {};
            Object.assign(run, { job: update.job || run.job, state: update.state, attempt: update.attempt || run.attempt,
              reason: update.state === 'running' ? '' : update.reason });
            if (update.progress) { run.fraction = update.progress.fraction; run.text = update.progress.text; }
            if (update.state === 'retryable') run.fraction = 0;
            runs.set(update.run, run);
            show(update.run);
          });
          document.getElementById('order').addEventListener('submit', async event => {
            event.preventDefault();
            const form = new FormData(event.target);
            const started = performance.now();
            const answer = document.getElementById('answer');
            try {
              const response = await fetch('/orders', { method: 'POST', headers: { 'content-type': 'application/json' },
                body: JSON.stringify({ item: form.get('item'), quantity: Number(form.get('quantity')) }) });
              const body = await response.json();
              answer.textContent = response.ok
                ? 'Thank you! Answered after ' + Math.round(performance.now() - started) + ' ms; the rest goes on below.'
                : 'The order was not taken: ' + body.detail;
            } catch (error) {
              answer.textContent = 'The order was not taken: ' + error.message;
            }
          });
        </script>
        </html>
        """#
}
