import Foundation

/// Rows of text in aligned columns.
struct Table {
    /// A piece of text and how it is painted.
    struct Cell: ExpressibleByStringInterpolation {
        var text: String
        var paint: (String) -> String

        init(_ text: String, paint: @escaping (String) -> String = { $0 }) {
            self.text = Printable.line(text)
            self.paint = paint
        }

        init(stringLiteral value: String) {
            self.init(value)
        }
    }

    private let headings: [String]
    private var rows: [[Cell]] = []

    /// A table without rows.
    init(_ headings: String...) {
        self.headings = headings
    }

    /// Whether it has no rows.
    var isEmpty: Bool { rows.isEmpty }

    /// Adds a row, a cell for each heading.
    mutating func add(_ row: Cell...) {
        rows.append(row)
    }

    /// The table's text. On a terminal the last column is shortened to what fits.
    func rendered(_ style: TerminalStyle, columns: Int? = nil) -> String {
        var widths = headings.map { Printable.width($0) }
        for row in rows {
            for (index, cell) in row.enumerated() where widths.indices.contains(index) {
                widths[index] = max(widths[index], Printable.width(cell.text))
            }
        }
        let limit = style.isTerminal ? (columns ?? Self.terminalColumns()) : .max
        let before = widths.dropLast().reduce(0) { $0 + $1 + 2 }
        let lastWidth = limit == .max ? Int.max : max(8, limit - before)
        let lines = [headings.map { Cell($0, paint: style.dim) }] + rows
        return lines.map { line($0, widths: widths, lastWidth: lastWidth) + "\n" }.joined()
    }

    private func line(_ row: [Cell], widths: [Int], lastWidth: Int) -> String {
        var line = ""
        for (index, cell) in row.enumerated() where widths.indices.contains(index) {
            if index == widths.count - 1 {
                line += cell.paint(Printable.shortened(cell.text, to: lastWidth))
            } else {
                let padding = String(repeating: " ", count: widths[index] - Printable.width(cell.text) + 2)
                line += cell.paint(cell.text) + padding
            }
        }
        while line.last == " " { line.removeLast() }
        return line
    }

    private static func terminalColumns() -> Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
