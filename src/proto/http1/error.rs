//! `ParseError`: all that can be wrong with the bytes of an HTTP/1 message. Which status answers it
//! is not decided here.

macro_rules! parse_errors {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum ParseError { $($(#[$doc])* $variant,)* }

        impl ParseError {
            /// Every variant, for tables that are keyed by it.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its place in `ALL`.
            pub const fn index(self) -> usize {
                self as usize
            }

            /// For metrics and logs.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

parse_errors! {
    // The start line.
    BadMethod = "bad_method",
    BadTarget = "bad_target",
    /// Above `target_bytes_max`: 414.
    TargetTooLong = "target_too_long",
    /// No version, or something that only resembles one.
    BadVersion = "bad_version",
    /// A well-formed version that is neither 1.0 nor 1.1: 505.
    VersionUnsupported = "version_unsupported",
    BadStatus = "bad_status",
    BadReason = "bad_reason",
    /// More empty lines before a request line than `EMPTY_LINES_MAX`.
    TooManyEmptyLines = "too_many_empty_lines",

    // Lines and fields.
    BareCr = "bare_cr",
    BareLf = "bare_lf",
    /// A line that starts with white space, RFC 9112 sections 2.2 and 5.2.
    ObsFold = "obs_fold",
    /// White space where only the rest of a name or a colon may stand, RFC 9112 section 5.1.
    SpaceBeforeColon = "space_before_colon",
    BadFieldName = "bad_field_name",
    BadFieldValue = "bad_field_value",
    /// 431.
    HeadTooLarge = "head_too_large",
    /// 431.
    TooManyFields = "too_many_fields",

    // What fields say.
    NoHost = "no_host",
    TwoHosts = "two_hosts",
    BadHost = "bad_host",
    /// More options in `Connection` than `CONNECTION_OPTIONS_MAX`.
    TooManyOptions = "too_many_options",
    /// An expectation other than `100-continue`: 417.
    BadExpect = "bad_expect",

    // How long the message is.
    BadContentLength = "bad_content_length",
    TwoLengths = "two_lengths",
    LengthAndChunked = "length_and_chunked",
    BadTransferEncoding = "bad_transfer_encoding",
    /// A transfer coding other than `chunked`: 501.
    UnknownTransferCoding = "unknown_transfer_coding",
    ChunkedOn10 = "chunked_on_10",

    // Chunked bodies.
    BadChunkSize = "bad_chunk_size",
    ChunkSizeOverflow = "chunk_size_overflow",
    BadChunkExtension = "bad_chunk_extension",
    ChunkExtensionTooLong = "chunk_extension_too_long",
    /// Chunk data that no CRLF follows.
    BadChunkEnd = "bad_chunk_end",
    TrailerTooLarge = "trailer_too_large",
}
