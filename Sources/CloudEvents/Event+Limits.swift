extension Event {
    /// What an event may have at most. The data has no limit here: who receives it bounds it before it is read.
    public enum Limits {
        /// The longest name of an extension, in bytes. The specification advises 20.
        public static let attributeNameBytes = 128
        /// The longest value of an attribute, in bytes of UTF-8. The specification asks every intermediary to carry
        /// events of 64 KiB, and no single attribute needs more.
        public static let attributeBytes = 65_536
        /// The most extensions of one event.
        public static let extensions = 256
    }

    /// The bytes of its attributes' values, its extensions' names and its data: about what it takes in memory.
    package var sizeBytes: Int {
        var size = id.utf8.count + source.utf8.count + type.utf8.count + (data?.count ?? 0)
        for text in [subject, dataContentType, dataSchema] { size += text?.utf8.count ?? 0 }
        for (name, value) in extensions {
            size += name.utf8.count + 4
            if case .string(let text) = value { size += text.utf8.count }
        }
        return size
    }
}
