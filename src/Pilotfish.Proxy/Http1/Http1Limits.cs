using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Http1;

/// <summary>Bounds and leniencies of one side's parser; immutable.</summary>
public sealed record Http1Limits
{
    /// <summary>Envoy's max_request_headers_kb default. The receive buffer must be able to grow to it.</summary>
    public const int DefaultHeadBytes = 60 * 1024;

    /// <summary>Envoy's default for responses on HTTP/1 upstreams.</summary>
    public const int DefaultResponseHeadBytes = 80 * 1024;

    public const int DefaultHeaders = 100;

    /// <summary>max_request_headers_kb may not exceed it (8192 KiB).</summary>
    public const int HeadBytesCap = 8192 * 1024;

    /// <summary>Chunk extensions carry nothing we use; without a bound a peer could send them for ever.</summary>
    public const int ChunkLineBytes = 4096;

    public static readonly Http1Limits Request = new();

    public static readonly Http1Limits Response = new() { HeadBytes = DefaultResponseHeadBytes };

    /// <summary>
    /// max_headers_count, or its default. More than a header map can number are not to be had: a larger count means that.
    /// Throws <see cref="ConfigRejectedException"/>.
    /// </summary>
    public static int HeadersOf(uint? count, string field) => count is 0
        ? throw new ConfigRejectedException(field, "it is 0; at least 1 is needed")
        : (int)Math.Min(count ?? DefaultHeaders, short.MaxValue - 64);

    public int HeadBytes { get; init; } = DefaultHeadBytes;

    public int Headers { get; init; } = DefaultHeaders;

    /// <summary>allow_chunked_length: Content-Length beside chunked is dropped instead of rejected.</summary>
    public bool AllowChunkedLength { get; init; }

    public bool AllowCustomMethods { get; init; }

    public bool AllowAbsoluteUrl { get; init; } = true;

    public UnderscorePolicy Underscores { get; init; }
}
