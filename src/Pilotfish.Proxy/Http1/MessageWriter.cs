using System.Buffers.Text;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Http1;

/// <summary>Writes heads, chunk frames and trailers into a span that its caller made large enough.</summary>
internal static class MessageWriter
{
    /// <summary>The chunk-size line of any int and the CRLF that ends the chunk before it.</summary>
    public const int ChunkFrameBytesMax = 2 + 8 + 2;

    /// <summary>Upper bound of a head's size: every entry with ": " and CRLF, plus the start line (but a long reason phrase) and the lines we add ourselves.</summary>
    public static int HeadBytesMax(HeaderMap headers) => headers.ByteSize + (headers.Count * 4) + 256;

    /// <summary>The same for a request whose target is an absolute URL: its host stands there once more.</summary>
    public static int AbsoluteHeadBytesMax(HeaderMap headers) => HeadBytesMax(headers) + headers[WellKnownHeader.Authority].Length;

    /// <summary>What is no field in a head behind its start line: the empty line at its end.</summary>
    public const int HeadEndBytes = 2;

    /// <summary>What is no field in a trailer section: the last chunk's size line and the empty line at the end.</summary>
    public const int TrailerFrameBytes = 3 + HeadEndBytes;

    public static ReadOnlySpan<byte> LastChunk => "0\r\n\r\n"u8;

    /// <summary>Writes a request's head; <paramref name="startLine"/> says how many of its bytes are the start line with its end.</summary>
    public static int WriteRequestHead(
        Span<byte> destination, HeaderMap headers, bool chunked, bool isUpgrade, bool absolute, out int startLine)
    {
        int at = Put(destination, 0, headers[WellKnownHeader.Method]);
        destination[at++] = (byte)' ';
        bool hasPath = headers.TryGet(WellKnownHeader.Path, out ReadOnlySpan<byte> path);
        if (absolute && hasPath && path.StartsWith("/"u8))
        {
            // RFC 9112 section 3.2.2: what another proxy wants to hear.
            at = Put(destination, at, headers.TryGet(WellKnownHeader.Scheme, out ReadOnlySpan<byte> scheme) ? scheme : "http"u8);
            at = Put(destination, at, "://"u8);
            at = Put(destination, at, headers[WellKnownHeader.Authority]);
        }

        at = Put(destination, at, hasPath ? path : headers[WellKnownHeader.Authority]);
        at = Put(destination, at, " HTTP/1.1\r\n"u8);
        startLine = at;
        if (headers.TryGet(WellKnownHeader.Authority, out ReadOnlySpan<byte> authority))
        {
            at = PutField(destination, at, "host"u8, authority);
        }

        at = WriteFields(destination, at, headers);
        return EndHead(destination, at, chunked, isUpgrade ? "upgrade"u8 : default);
    }

    /// <summary>Writes a response's head; <paramref name="startLine"/> says how many of its bytes are the status line with its end.</summary>
    public static int WriteResponseHead(
        Span<byte> destination, HeaderMap headers, int status, ReadOnlySpan<byte> reason, bool http10, bool chunked,
        ReadOnlySpan<byte> connection, out int startLine)
    {
        int at = Put(destination, 0, http10 ? "HTTP/1.0 "u8 : "HTTP/1.1 "u8);
        Utf8Formatter.TryFormat(status, destination[at..], out int digits);
        at += digits;
        destination[at++] = (byte)' ';
        at = Put(destination, at, reason);
        at = PutLineEnd(destination, at);
        startLine = at;
        at = WriteFields(destination, at, headers);
        return EndHead(destination, at, chunked, connection);
    }

    /// <summary>Writes the last chunk with trailers; the caller wrote the CRLF of the chunk before.</summary>
    public static int WriteTrailers(Span<byte> destination, HeaderMap trailers)
    {
        int at = Put(destination, 0, "0\r\n"u8);
        at = WriteFields(destination, at, trailers);
        return PutLineEnd(destination, at);
    }

    /// <summary>Writes <c>SIZE CRLF</c>.</summary>
    public static int WriteChunkSize(Span<byte> destination, int size)
    {
        Utf8Formatter.TryFormat((uint)size, destination, out int digits, new System.Buffers.StandardFormat('x'));
        return PutLineEnd(destination, digits);
    }

    private static int EndHead(Span<byte> destination, int at, bool chunked, ReadOnlySpan<byte> connection)
    {
        if (!connection.IsEmpty)
        {
            at = PutField(destination, at, "connection"u8, connection);
        }

        if (chunked)
        {
            at = Put(destination, at, "transfer-encoding: chunked\r\n"u8);
        }

        return PutLineEnd(destination, at);
    }

    private static int WriteFields(Span<byte> destination, int at, HeaderMap headers)
    {
        for (int slot = 0; slot < headers.SlotCount;)
        {
            if (!headers.IsLive(slot))
            {
                slot++;
                continue;
            }

            int run = headers.CanonicalRun(slot, out ReadOnlySpan<byte> bytes);
            if (run > 0)
            {
                at = Put(destination, at, bytes);
                slot += run;
                continue;
            }

            HeaderEntry entry = headers.At(slot++);
            if (!WellKnownHeaders.IsPseudo(entry.Known))
            {
                at = PutField(destination, at, entry.Name, entry.Value);
            }
        }

        return at;
    }

    private static int PutField(Span<byte> destination, int at, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        at = Put(destination, at, name);
        destination[at] = (byte)':';
        destination[at + 1] = (byte)' ';
        at = Put(destination, at + 2, value);
        return PutLineEnd(destination, at);
    }

    private static int PutLineEnd(Span<byte> destination, int at)
    {
        destination[at] = (byte)'\r';
        destination[at + 1] = (byte)'\n';
        return at + 2;
    }

    private static int Put(Span<byte> destination, int at, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(destination[at..]);
        return at + bytes.Length;
    }
}
