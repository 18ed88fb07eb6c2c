import Foundation
import Testing

@Suite("docs/promises.md")
struct PromisesTests {
    @Test("every test that a promise names exists")
    func named() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        var sources = ""
        for folder in ["Tests", "Sources/NightjarTestKit"] {
            let files = FileManager.default.enumerator(
                at: root.appendingPathComponent(folder), includingPropertiesForKeys: nil)
            for case let file as URL in try #require(files) where file.pathExtension == "swift" {
                sources += try String(contentsOf: file, encoding: .utf8)
            }
        }
        let page = try DocumentationTests.page("promises.md")
        let promises = page.components(separatedBy: "\n## ").dropFirst()
        #expect(promises.count == 11)
        for promise in promises {
            // Names are the quoted sentences; a line may break within one.
            let text = promise.replacingOccurrences(of: "\n  ", with: " ").replacingOccurrences(of: "\n", with: " ")
            let names = text.components(separatedBy: "\"").enumerated().filter { !$0.offset.isMultiple(of: 2) }.map(
                \.element)
            #expect(!names.isEmpty, "no test holds: \(promise.prefix(60))")
            for name in names {
                let exists = sources.contains("\"\(name)\"")
                #expect(exists, "there is no test \"\(name)\"")
            }
        }
    }
}
