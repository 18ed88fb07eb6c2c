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
}
