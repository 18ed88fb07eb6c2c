/// A regular expression in the syntax of RE2, matched in time linear in the text.
///
/// A pattern becomes a program of a machine that follows all ways through it at once ("Regular CELExpression Matching: the
/// Virtual Machine Approach", Cox, 2009), so that no text makes it try again. Of several matches that begin at one place it
/// finds the one that a search that goes back would find first.
struct LinearRegex: Sendable {
    /// Why a pattern cannot be used.
    struct SyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
        /// What is wrong and what was expected.
        var message: String
        /// Where, in code points from the beginning.
        var offset: Int

        /// The message with its place.
        var description: String { "at \(offset): \(message)" }
    }

    enum Instruction: Sendable {
        case set(ScalarSet)
        /// Both ways, the first preferred.
        case split(Int, Int)
        case jump(Int)
        case save(Int)
        case assertion(RegexAssertion)
        case match
    }

    /// How many instructions a pattern may become.
    private static let maximumSize = 5000

    /// How many groups it has whose matches are kept.
    let groups: Int
    private let program: [Instruction]
    /// The text itself, if that is all that the pattern asks for.
    private let literal: String?

    init(_ pattern: String) throws(SyntaxError) {
        var parser = RegexParser(pattern)
        let node = try parser.parse()
        groups = parser.groups
        literal = Self.literal(node)
        var program: [Instruction] = [.save(0)]
        try Self.emit(node, into: &program)
        program += [.save(1), .match]
        self.program = program
    }

    private static func literal(_ node: RegexNode) -> String? {
        let parts: [RegexNode] =
            switch node {
            case .set: [node]
            case .sequence(let parts): parts
            default: []
            }
        var text = String.UnicodeScalarView()
        for part in parts {
            guard case .set(let set) = part, let scalar = set.single else { return nil }
            text.append(scalar)
        }
        return text.isEmpty ? nil : String(text)
    }

    private static func emit(_ node: RegexNode, into program: inout [Instruction]) throws(SyntaxError) {
        guard program.count < maximumSize else {
            throw SyntaxError(message: "the pattern is too large: it has more than \(maximumSize) steps", offset: 0)
        }
        switch node {
        case .empty: break
        case .set(let set): program.append(.set(set))
        case .assertion(let assertion): program.append(.assertion(assertion))
        case .sequence(let parts):
            for part in parts { try emit(part, into: &program) }
        case .group(let inner, let number):
            program.append(.save(2 * number))
            try emit(inner, into: &program)
            program.append(.save(2 * number + 1))
        case .choice(let branches):
            var jumps: [Int] = []
            for branch in branches.dropLast() {
                let split = program.count
                program.append(.jump(0))
                try emit(branch, into: &program)
                jumps.append(program.count)
                program.append(.jump(0))
                program[split] = .split(split + 1, program.count)
            }
            if let last = branches.last { try emit(last, into: &program) }
            for jump in jumps { program[jump] = .jump(program.count) }
        case .loop(let inner, let least, let most, let isGreedy):
            for _ in 0..<least { try emit(inner, into: &program) }
            func split(_ inside: Int, _ after: Int) -> Instruction {
                isGreedy ? .split(inside, after) : .split(after, inside)
            }
            if let most {
                var splits: [Int] = []
                for _ in least..<most {
                    splits.append(program.count)
                    program.append(.jump(0))
                    try emit(inner, into: &program)
                }
                for place in splits { program[place] = split(place + 1, program.count) }
            } else {
                let start = program.count
                program.append(.jump(0))
                try emit(inner, into: &program)
                program.append(.jump(start))
                program[start] = split(start + 1, program.count)
            }
        }
    }

    /// Whether the pattern fits somewhere in the text.
    /// - Parameter frame: who pays for each step.
    func matches(_ text: String, _ frame: inout Frame) throws(EvaluationError) -> Bool {
        try frame.spend(1 + text.utf8.count / 4)
        if let literal { return text.contains(bytesOf: literal) }
        var machine = RegexMachine(program, slots: 0)
        return try machine.run(Array(text.unicodeScalars), from: 0, &frame) != nil
    }

    /// Where the first match is, and its groups: each a range, or `nil` for a group that had no part in it.
    func firstMatch(
        in text: [Unicode.Scalar], from start: Int, _ frame: inout Frame
    ) throws(EvaluationError) -> [Range<Int>?]? {
        var machine = RegexMachine(program, slots: 2 * (groups + 1))
        return try machine.run(text, from: start, &frame).map { slots in
            (0...groups).map { group in
                let (start, end) = (slots[2 * group], slots[2 * group + 1])
                return start >= 0 && end >= start ? start..<end : nil
            }
        }
    }
}

/// Follows a pattern's program through a text.
struct RegexMachine {
    private struct Thread {
        var place: Int
        var slots: [Int]
    }

    private let program: [LinearRegex.Instruction]
    private let slots: Int
    private var threads: [Thread] = []
    /// The step in which a place was last reached: each is followed once a step.
    private var reached: [Int]
    private var step = 0
    private var stack: [Thread] = []

    init(_ program: [LinearRegex.Instruction], slots: Int) {
        self.program = program
        self.slots = slots
        reached = Array(repeating: -1, count: program.count)
    }

    /// The slots of the first match; empty ones if none are kept.
    mutating func run(
        _ text: [Unicode.Scalar], from start: Int, _ frame: inout Frame
    ) throws(EvaluationError) -> [Int]? {
        var found: [Int]?
        var position = start
        while position <= text.count {
            step += 1
            // A match that begins earlier is preferred: later ones are not begun once there is one.
            var ready: [Thread] = []
            for thread in threads { follow(thread, text, position, into: &ready) }
            if found == nil {
                follow(Thread(place: 0, slots: Array(repeating: -1, count: slots)), text, position, into: &ready)
            }
            try frame.spend(1 + ready.count)
            threads.removeAll(keepingCapacity: true)
            advance: for thread in ready {
                switch program[thread.place] {
                case .match:
                    found = thread.slots
                    // Nothing that is less preferred goes on.
                    break advance
                case .set(let set) where position < text.count && set.contains(text[position]):
                    threads.append(Thread(place: thread.place + 1, slots: thread.slots))
                default: break
                }
            }
            if found != nil, slots == 0 { return found }
            if threads.isEmpty, found != nil { return found }
            position += 1
        }
        return found
    }

    /// Follows what takes no code point, in order of preference.
    private mutating func follow(
        _ thread: Thread, _ text: [Unicode.Scalar], _ position: Int, into threads: inout [Thread]
    ) {
        stack.append(thread)
        while var thread = stack.popLast() {
            guard reached[thread.place] != step else { continue }
            reached[thread.place] = step
            switch program[thread.place] {
            case .jump(let place):
                thread.place = place
                stack.append(thread)
            case .split(let first, let second):
                stack.append(Thread(place: second, slots: thread.slots))
                thread.place = first
                stack.append(thread)
            case .save(let slot):
                if slot < slots { thread.slots[slot] = position }
                thread.place += 1
                stack.append(thread)
            case .assertion(let assertion):
                guard Self.holds(assertion, text, position) else { continue }
                thread.place += 1
                stack.append(thread)
            case .set, .match: threads.append(thread)
            }
        }
    }

    private static func holds(_ assertion: RegexAssertion, _ text: [Unicode.Scalar], _ position: Int) -> Bool {
        func isWord(_ index: Int) -> Bool {
            guard text.indices.contains(index), text[index].isASCII else { return false }
            return text[index] == "_" || text[index].properties.isAlphabetic || ("0"..."9").contains(text[index])
        }
        return switch assertion {
        case .textStart: position == 0
        case .textEnd: position == text.count
        case .lineStart: position == 0 || text[position - 1] == "\n"
        case .lineEnd: position == text.count || text[position] == "\n"
        case .wordBoundary: isWord(position - 1) != isWord(position)
        case .noWordBoundary: isWord(position - 1) == isWord(position)
        }
    }
}
