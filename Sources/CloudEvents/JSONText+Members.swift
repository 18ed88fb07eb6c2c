extension JSONText {
    /// The members of an object that is all of `bytes`: their names, and their values as they stand.
    /// - Throws: ``EventError`` with the byte at which it is wrong.
    package static func members(of bytes: [UInt8]) throws(EventError) -> [(name: String, value: [UInt8])] {
        try validate(bytes)
        return try withScanner(bytes) { scanner throws(EventError) in
            var members: [(name: String, value: [UInt8])] = []
            try scanner.expect("{", "an object")
            guard !scanner.skip("}") else { return members }
            repeat {
                let name = try scanner.memberName()
                // Escapes are for texts that cannot do without; no member that is asked for by its name has any.
                let text = String(decoding: bytes[name.contents], as: UTF8.self)
                members.append((text, Array(bytes[try scanner.skipValue()])))
            } while try scanner.more(until: "}")
            return members
        }
    }
}
