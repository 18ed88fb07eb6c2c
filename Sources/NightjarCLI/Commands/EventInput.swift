import ArgumentParser
import CloudEvents
import Foundation

/// The options that give an event's data.
struct EventInput: ParsableArguments {
    @Option(name: [.short, .long], help: ArgumentHelp("The data.", valueName: "text"))
    var data: String?

    @Option(
        help: ArgumentHelp("The file that holds the data; - for standard input.", valueName: "path"),
        completion: .file())
    var dataFile: String?

    @Option(
        help: ArgumentHelp(
            "The data's media type (else application/json if it is JSON, text/plain if it is text).", valueName: "type")
    )
    var contentType: String?

    func validate() throws {
        if data != nil, dataFile != nil {
            throw ValidationError("Both --data and --data-file are given; expected one.")
        }
    }

    /// The data and its media type; both `nil` if no data is given.
    func read(atMost limit: Int) throws -> (data: [UInt8]?, contentType: String?) {
        let bytes: [UInt8]
        if let data {
            bytes = Array(data.utf8)
        } else if let dataFile {
            bytes = try Self.contents(of: dataFile, atMost: limit)
        } else {
            return (nil, contentType)
        }
        return (bytes, contentType ?? Self.guessedType(of: bytes))
    }

    /// The bytes of a file, or of standard input for `-`.
    static func contents(of path: String, atMost limit: Int) throws -> [UInt8] {
        let name = path == "-" ? "standard input" : path
        let data: Data
        do {
            let handle = path == "-" ? .standardInput : try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            data = try handle.read(upToCount: limit + 1) ?? Data()
        } catch {
            throw CommandFailure("\(name) cannot be read: \(error.localizedDescription)")
        }
        guard data.count <= limit else {
            throw CommandFailure("\(name) holds more than \(limit) bytes, which is the limit")
        }
        return Array(data)
    }

    private static func guessedType(of bytes: [UInt8]) -> String {
        if JSONText.isValid(bytes) { return "application/json" }
        return String(validating: bytes, as: UTF8.self) == nil ? "application/octet-stream" : "text/plain"
    }
}
