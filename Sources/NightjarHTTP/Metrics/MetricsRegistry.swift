public import CoreMetrics
import Synchronization

/// Keeps what the process counts and measures, and shows it in the text format of Prometheus (exposition format 0.0.4).
///
/// Hand it to `MetricsSystem.bootstrap` and to the server. Counters keep their sums, gauges their last values, timers and
/// recorders their counts and sums: what a rate or a mean is made of.
public final class MetricsRegistry: MetricsFactory {
    /// What a name stands for, in Prometheus' words.
    enum Kind: String, Sendable { case counter, gauge, summary }

    private struct Series: Hashable {
        var name: String
        var labels: String
    }

    private struct State {
        var kinds: [String: Kind] = [:]
        var cells: [Series: MetricsCell] = [:]
    }

    private let state = Mutex(State())

    /// A registry that knows nothing yet.
    public init() {}

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        cell(.counter, label + (label.hasSuffix("_total") ? "" : "_total"), dimensions)
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        cell(aggregate ? .summary : .gauge, label, dimensions)
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        cell(.summary, label, dimensions)
    }

    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}

    private func cell(_ kind: Kind, _ label: String, _ dimensions: [(String, String)]) -> MetricsCell {
        let name = MetricsText.name(label)
        let series = Series(name: name, labels: MetricsText.labels(dimensions))
        return state.withLock { state in
            if let cell = state.cells[series] { return cell }
            let cell = MetricsCell(isGauge: kind == .gauge)
            state.cells[series] = cell
            state.kinds[name] = kind
            return cell
        }
    }

    /// Everything, a line for each series.
    func text() -> String {
        let (kinds, cells) = state.withLock { ($0.kinds, $0.cells) }
        var text = MetricsText()
        for (name, kind) in kinds.sorted(by: { $0.key < $1.key }) {
            text.begin(name, kind)
            for (series, cell) in cells.filter({ $0.key.name == name }).sorted(by: { $0.key.labels < $1.key.labels }) {
                let (count, sum) = cell.values
                if kind == .summary {
                    text.add(name + "_count", series.labels, Double(count))
                    text.add(name + "_sum", series.labels, sum)
                } else {
                    text.add(name, series.labels, sum)
                }
            }
        }
        return text.text
    }
}

/// One series.
private final class MetricsCell: CounterHandler, RecorderHandler, TimerHandler {
    /// Whether a new value takes the place of the old one.
    private let isGauge: Bool
    private let state = Mutex((count: 0, sum: 0.0))

    init(isGauge: Bool) { self.isGauge = isGauge }

    var values: (count: Int, sum: Double) { state.withLock { $0 } }

    func increment(by amount: Int64) { state.withLock { $0.sum += Double(amount) } }
    func reset() { state.withLock { $0 = (0, 0) } }
    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) {
        state.withLock { state in
            state.count += 1
            state.sum = isGauge ? value : state.sum + value
        }
    }
    func recordNanoseconds(_ duration: Int64) {
        state.withLock { state in
            state.count += 1
            state.sum += Double(duration) / 1e9
        }
    }
}

/// Lines in the text format of Prometheus.
struct MetricsText {
    private(set) var text = ""

    /// The lines of that name begin.
    mutating func begin(_ name: String, _ kind: MetricsRegistry.Kind) {
        text += "# TYPE \(name) \(kind.rawValue)\n"
    }

    /// - Parameter labels: as ``labels(_:)`` makes them.
    mutating func add(_ name: String, _ labels: String, _ value: Double) {
        let number = value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
        text += "\(name)\(labels) \(number)\n"
    }

    /// Letters, digits, `_` and `:`; anything else becomes `_`.
    static func name(_ label: String) -> String {
        var name = ""
        for scalar in label.unicodeScalars {
            let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || scalar == "_" || scalar == ":")
            let isDigit = ("0"..."9").contains(scalar)
            name.unicodeScalars.append(isPlain || isDigit && !name.isEmpty ? scalar : "_")
        }
        return name.isEmpty ? "_" : name
    }

    /// Labels in braces, in the order of their names; nothing without labels.
    static func labels(_ dimensions: [(String, String)]) -> String {
        guard !dimensions.isEmpty else { return "" }
        let parts = dimensions.sorted { $0.0 < $1.0 }.map { name, value in
            let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
            return "\(self.name(name))=\"\(escaped)\""
        }
        return "{\(parts.joined(separator: ","))}"
    }
}
