using System.Text;
using Pilotfish.Proxy.Http2.Frames;

namespace Pilotfish.Proxy.Tests.Fuzz;

/// <summary>
/// One direction of an HTTP/2 connection read the slow way: what its frames say about each stream, without judging whether a message is
/// well formed. Reading ends at the first byte that can only be a connection error.
/// </summary>
internal sealed class SlowHttp2
{
    private readonly SlowHpack _hpack = new(4096);
    private readonly List<byte> _block = [];
    private int _openBlock;
    private FrameFlags _openFlags;

    public SortedDictionary<int, SlowStream> Streams { get; } = [];

    public bool HasGoAway { get; private set; }

    /// <summary>Reads all frames that are complete, from the first one behind the preface.</summary>
    public static SlowHttp2 Read(ReadOnlySpan<byte> bytes)
    {
        var connection = new SlowHttp2();
        while (FrameHeader.TryRead(bytes, out FrameHeader header) && bytes.Length >= FrameHeader.Bytes + header.Length)
        {
            if (!connection.OnFrame(header, bytes.Slice(FrameHeader.Bytes, header.Length)))
            {
                break;
            }

            bytes = bytes[(FrameHeader.Bytes + header.Length)..];
        }

        return connection;
    }

    private bool OnFrame(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        bool isContinuation = header.Type == FrameType.CONTINUATION;
        if (header.Length > FrameHeader.PayloadBytesDefault || (_openBlock != 0) != isContinuation || (isContinuation && header.StreamId != _openBlock))
        {
            return false;
        }

        switch (header.Type)
        {
            case FrameType.HEADERS or FrameType.DATA when header.StreamId == 0 || !TryUnpad(header, ref payload):
                return false;
            case FrameType.DATA:
                SlowStream body = StreamOf(header.StreamId);
                if (!body.IsEnded)
                {
                    body.Body.Append(Encoding.Latin1.GetString(payload));
                    body.IsEnded = header.Has(FrameFlags.END_STREAM);
                }

                return true;
            case FrameType.HEADERS:
                if (header.Has(FrameFlags.PRIORITY))
                {
                    if (payload.Length < 5)
                    {
                        return false;
                    }

                    payload = payload[5..];
                }

                _openFlags = header.Flags;
                return OnBlock(header, payload);
            case FrameType.CONTINUATION:
                return OnBlock(header, payload);
            case FrameType.RST_STREAM:
                StreamOf(header.StreamId).IsReset = true;
                return true;
            case FrameType.GOAWAY:
                HasGoAway = true;
                return true;
            default:
                return true;
        }
    }

    private bool OnBlock(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        _block.AddRange(payload);
        _openBlock = header.StreamId;
        if (!header.Has(FrameFlags.END_HEADERS))
        {
            return true;
        }

        List<(string Name, string Value)>? fields = _hpack.Decode([.. _block]);
        _block.Clear();
        _openBlock = 0;
        if (fields is null)
        {
            return false;
        }

        SlowStream stream = StreamOf(header.StreamId);
        if (stream.IsEnded)
        {
            return true;
        }

        if (stream.Fields is null)
        {
            stream.Fields = fields;
        }

        stream.IsEnded = (_openFlags & FrameFlags.END_STREAM) != 0;
        return true;
    }

    private static bool TryUnpad(FrameHeader header, ref ReadOnlySpan<byte> payload)
    {
        if (!header.Has(FrameFlags.PADDED))
        {
            return true;
        }

        if (payload.Length == 0 || payload[0] > payload.Length - 1)
        {
            return false;
        }

        payload = payload[1..^payload[0]];
        return true;
    }

    private SlowStream StreamOf(int id)
    {
        if (!Streams.TryGetValue(id, out SlowStream? stream))
        {
            Streams[id] = stream = new SlowStream();
        }

        return stream;
    }
}
