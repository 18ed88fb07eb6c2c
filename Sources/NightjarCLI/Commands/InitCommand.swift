import ArgumentParser
import Foundation

/// `nightjar init`: writes a configuration to begin with.
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Write a configuration file that works at once.")

    @Argument(help: "Where to write it.", completion: .file())
    var file = "nightjar.yaml"

    @Flag(help: "Replace a file that exists.")
    var force = false

    func run() async throws {
        let url = URL(fileURLWithPath: file)
        do {
            try Data(Self.template.utf8).write(to: url, options: force ? .atomic : .withoutOverwriting)
        } catch let error as CocoaError where error.code == .fileWriteFileExists {
            throw CommandFailure("\(file) exists already; expected another name, or --force to replace it")
        } catch {
            throw CommandFailure("\(file) cannot be written: \(error.localizedDescription)")
        }
        let name = file == "nightjar.yaml" ? "" : " -c \(file)"
        print(
            """
            Wrote \(file). Now:

              nightjar run\(name)                                                 start it, in one terminal
              curl -H 'content-type: application/json' -d '{"name":"world"}' http://127.0.0.1:8080/hello
                                                                            make something happen, in another
              nightjar runs list\(name)                                           see what became of it
            """)
    }

    /// A configuration that needs nothing but this machine.
    static let template = """
        # Nightjar starts a background job when something happens, and never loses one.
        # Check this file with "nightjar check", start it with "nightjar run". Every setting: docs/configuration.md

        # Where events and runs are kept. Relative paths begin at this file's folder.
        store: sqlite:nightjar.db

        # The endpoints of triggers, and the management API. Beyond this machine it needs tokens:
        #   http: { listen: "0.0.0.0:8080", tokens: ["${NIGHTJAR_TOKEN}"] }
        http: { listen: 127.0.0.1:8080 }

        # What can be done.
        jobs:
          # A command gets the event's data on standard input and NIGHTJAR_* in its environment. It is never given to a
          # shell unless you name one, as here.
          greet:
            command: [sh, -c, 'echo "hello, I got: $(cat)"']
            retry: { attempts: 5, from: 1s, upTo: 1m }    # a failed run is tried again, up to 5 attempts in all
            timeout: 30s
            concurrency: 4                                # at most four at once

          # An event for other triggers to hear.
          announce:
            emit: { type: hello.said }

          log:
            command: [sh, -c, 'echo "heard $NIGHTJAR_EVENT_TYPE from $NIGHTJAR_EVENT_SOURCE"']

        # What starts it.
        triggers:
          # curl -H 'content-type: application/json' -d '{"name":"world"}' http://127.0.0.1:8080/hello
          hello:
            http: { path: /hello }
            start: [greet, announce]

          # What was published: by the job above, or with: nightjar publish --type hello.said
          heard:
            event: { type: "hello.*" }
            start: log

          # Files that are saved into a folder:
          # inbox:
          #   files: { path: ./inbox, match: "*.csv" }
          #   start: greet

        """
}
