/// Guesses the media type of a file from its name.
enum ContentType {
    private static let byExtension = [
        "avif": "image/avif", "css": "text/css", "csv": "text/csv", "gif": "image/gif", "gz": "application/gzip",
        "htm": "text/html", "html": "text/html", "jpeg": "image/jpeg", "jpg": "image/jpeg", "js": "text/javascript",
        "json": "application/json", "jsonl": "application/jsonl", "log": "text/plain", "md": "text/markdown",
        "mp3": "audio/mpeg", "mp4": "video/mp4", "ndjson": "application/x-ndjson", "pdf": "application/pdf",
        "png": "image/png", "svg": "image/svg+xml", "tar": "application/x-tar", "tsv": "text/tab-separated-values",
        "txt": "text/plain", "webp": "image/webp", "xml": "application/xml", "yaml": "application/yaml",
        "yml": "application/yaml", "zip": "application/zip",
    ]

    /// The media type for a name's extension, in any case; `application/octet-stream` for those it does not know.
    static func of(_ path: FilePath) -> String {
        let name = path.name
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")) else { return "application/octet-stream" }
        let ending = String(decoding: name[name.index(after: dot)...], as: UTF8.self).lowercased()
        return byExtension[ending] ?? "application/octet-stream"
    }
}
