import ArgumentParser
import Foundation
import Testing

@testable import NightjarCLI

@Suite("docs/configuration.md, docs/cli.md and the file of nightjar init")
struct DocumentationTests {
    /// The text of a file below `docs`.
    static func page(_ name: String) throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appendingPathComponent("docs/\(name)"), encoding: .utf8)
    }

    /// The code blocks of a language.
    static func blocks(_ language: String, in page: String) -> [String] {
        page.components(separatedBy: "```\(language)\n").dropFirst().compactMap {
            $0.components(separatedBy: "```").first
        }
    }

    @Test("every example is a file without mistakes")
    func examples() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("s3cret\n".utf8).write(to: folder.appendingPathComponent("token.txt"))
        let file = folder.appendingPathComponent("nightjar.yaml").path
        let blocks = try Self.blocks("yaml", in: Self.page("configuration.md"))
        #expect(blocks.count >= 15)
        for block in blocks {
            do {
                let environment = [
                    "ORDERS_TOKEN": "a", "NIGHTJAR_TOKEN": "b", "API_KEY": "c", "SEARCH_TOKEN": "d",
                    "RABBITMQ_URL": "amqp://guest:guest@localhost", "KAFKA_BROKERS": "localhost:9092",
                ]
                let text = try ConfigurationText(file: file, bytes: Array(block.utf8))
                let configuration = try ConfigurationFile.parse(text, environment: { environment[$0] })
                let assembly = Assembly(configuration: configuration)
                #expect(try assembly.jobs().count == configuration.jobs.count)
                #expect(try assembly.triggers().count == configuration.triggers.count)
            } catch {
                Issue.record("\(error)\n\(block)")
            }
        }
    }

    @Test("every key that a file may have is on the page")
    func keys() throws {
        let page = try Self.page("configuration.md")
        for key in try KnownKeys.all() {
            let isThere = page.contains("`\(key)`") || page.contains(".\(key)`") || page.contains("`\(key).")
            #expect(isThere, "docs/configuration.md does not describe \"\(key)\"")
        }
    }

    @Test("what nightjar init writes has no mistakes and does something")
    func template() throws {
        let configuration = try configuration(InitCommand.template)
        #expect(configuration.jobs.map(\.name) == ["greet", "announce", "log"])
        #expect(configuration.triggers.map(\.name) == ["hello", "heard"])
    }

    @Test("every command of docs/cli.md is one that the program has")
    func commands() throws {
        let lines = try Self.blocks("sh", in: Self.page("cli.md")).flatMap { $0.split(separator: "\n") }
        #expect(lines.count >= 15)
        for line in lines {
            let command = try #require(
                line.components(separatedBy: "#")[0].components(separatedBy: "nightjar ").dropFirst().first, "\(line)")
            #expect(throws: Never.self, "\(line)") { try NightjarCommand.parseAsRoot(Self.words(command)) }
        }
    }

    /// Splits a command as a shell does, as far as the page needs it.
    private static func words(_ command: String) -> [String] {
        var words: [String] = []
        var word = ""
        var quote: Character?
        for character in command {
            if let open = quote {
                if character == open { quote = nil } else { word.append(character) }
            } else if character == "'" || character == "\"" {
                quote = character
            } else if character == " " {
                if !word.isEmpty { words.append(word) }
                word = ""
            } else {
                word.append(character)
            }
        }
        return word.isEmpty ? words : words + [word]
    }
}

/// Finds the keys of the configuration by giving every section one that it does not have.
enum KnownKeys {
    static func all() throws -> Set<String> {
        let nonsense = "qqqqqqqqqqqq: 1"
        let yaml = """
            \(nonsense)
            http: { \(nonsense), limits: { \(nonsense) }, tls: { \(nonsense), certificate: a, key: b } }
            node: { \(nonsense) }
            retention: { \(nonsense) }
            shutdown: { \(nonsense) }
            log: { \(nonsense) }
            jobs:
              a: { \(nonsense), command: { \(nonsense), run: [a] }, retry: { \(nonsense) } }
              b: { http: { \(nonsense), url: "http://a" }, unique: { \(nonsense) } }
              d: { emit: { type: a }, debounce: { \(nonsense), wait: 1s } }
              e: { emit: { type: a }, batch: { \(nonsense), size: 1, within: 1s } }
              c: { emit: { \(nonsense), type: a } }
            triggers:
              a: { \(nonsense), start: a, http: { \(nonsense), path: /a, auth: { \(nonsense), header: { \(nonsense) } } } }
              b: { start: a, files: { \(nonsense), path: a } }
              c: { start: a, event: { \(nonsense) } }
              d: { start: a, cron: { \(nonsense), at: "@daily" } }
              e: { start: a, every: { \(nonsense), interval: 5m } }
            """
        var keys: Set<String> = []
        for mistake in mistakes(yaml) {
            guard let list = mistake.components(separatedBy: "; expected one of: ").dropFirst().first else { continue }
            keys.formUnion(list.components(separatedBy: ", "))
        }
        try #require(keys.count > 50)
        return keys
    }
}
