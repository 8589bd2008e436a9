using System.Buffers;
using System.Text;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Http1.InternalServer;

/// <summary>
/// What a handler answers. The body collects in memory and leaves with a Content-Length when the handler returns; a handler with a
/// long body calls <see cref="FlushAsync"/> now and then, which turns it into chunks, so that memory stays bounded by the chunk.
/// </summary>
public sealed class InternalResponse
{
    /// <summary>Where a handler of a long body should flush: large enough that framing costs nothing, small enough for a sidecar's memory.</summary>
    public const int FlushBytes = 64 * 1024;

    private readonly InternalConnection _connection;

    internal InternalResponse(InternalConnection connection) => _connection = connection;

    /// <summary>The status; fixed once the first flush happened.</summary>
    public int Status { get; set; } = 200;

    public string ContentType { get; set; } = "text/plain; charset=UTF-8";

    /// <summary>More headers, besides content type and framing.</summary>
    public HeaderMap Headers { get; } = new();

    /// <summary>Body bytes that were not sent yet.</summary>
    public ArrayBufferWriter<byte> Body { get; } = new();

    /// <summary>Whether the connection ends after this response.</summary>
    public bool CloseConnection { get; set; }

    /// <summary>Bytes that wait in <see cref="Body"/>.</summary>
    public int PendingBytes => Body.WrittenCount;

    public void Write(string text) => Encoding.UTF8.GetBytes(text, Body);

    public void Write(ReadOnlySpan<byte> bytes) => Body.Write(bytes);

    /// <summary>Sends what was written so far as a chunk; false when the client is gone and the handler may stop.</summary>
    public ValueTask<bool> FlushAsync() => _connection.FlushAsync(this);
}
