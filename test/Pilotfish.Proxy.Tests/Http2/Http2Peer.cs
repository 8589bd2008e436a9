using System.Buffers.Binary;
using System.Text;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Http2.Hpack;
using Pilotfish.Runtime.Streams;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http2;

/// <summary>A scripted HTTP/2 client or server: sends any frame, reads the other side's one by one.</summary>
internal sealed class Http2Peer(IByteStream stream)
{
    private readonly HpackEncoder _encoder = new(huffman: true);
    private readonly HpackDecoder _decoder = new(stream.Loop.Buffers, 4096);
    private readonly List<byte> _unread = [];

    public IByteStream Stream { get; } = stream;

    public async Task StartClientAsync()
    {
        await SendRawAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray());
        await SendAsync(FrameType.SETTINGS, FrameFlags.None, 0);
    }

    /// <summary>Reads the client's preface and answers with settings (pairs of id and value).</summary>
    public async Task StartServerAsync(params (SettingId Id, uint Value)[] settings)
    {
        await ReadPrefaceAsync();
        await SettingsAsync(settings);
    }

    /// <summary>Reads the client's preface and says nothing yet.</summary>
    public async Task ReadPrefaceAsync()
    {
        await FillAsync(24);
        Assert.Equal("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Encoding.ASCII.GetString([.. _unread[..24]]));
        _unread.RemoveRange(0, 24);
    }

    public async Task SettingsAsync(params (SettingId Id, uint Value)[] settings)
    {
        byte[] payload = new byte[settings.Length * 6];
        for (int i = 0; i < settings.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(i * 6), (ushort)settings[i].Id);
            BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan((i * 6) + 2), settings[i].Value);
        }

        await SendAsync(FrameType.SETTINGS, FrameFlags.None, 0, payload);
    }

    public async Task SendRawAsync(byte[] bytes) => await Stream.SendAsync(bytes);

    public Task SendAsync(FrameType type, FrameFlags flags, int id, params byte[] payload) => SendRawAsync(Frame(type, flags, id, payload));

    public static byte[] Frame(FrameType type, FrameFlags flags, int id, params byte[] payload)
    {
        byte[] frame = new byte[FrameHeader.Bytes + payload.Length];
        FrameHeader.Write(frame, payload.Length, type, flags, id);
        payload.CopyTo(frame, FrameHeader.Bytes);
        return frame;
    }

    public Task HeadersAsync(int id, bool end, params (string Name, string Value)[] fields) =>
        SendAsync(FrameType.HEADERS, FrameFlags.END_HEADERS | (end ? FrameFlags.END_STREAM : 0), id, Block(fields));

    public Task GetAsync(int id, string path = "/", string method = "GET", bool end = true) => HeadersAsync(
        id, end, (":method", method), (":scheme", "http"), (":path", path), (":authority", "a"));

    public Task DataAsync(int id, string text, bool end) =>
        SendAsync(FrameType.DATA, end ? FrameFlags.END_STREAM : 0, id, Encoding.Latin1.GetBytes(text));

    public byte[] Block(params (string Name, string Value)[] fields)
    {
        byte[] block = new byte[128 * 1024];
        int at = _encoder.Begin(block);
        foreach ((string name, string value) in fields)
        {
            byte[] bytes = Encoding.Latin1.GetBytes(name);
            at += _encoder.Field(block.AsSpan(at), WellKnownHeaders.Find(bytes), bytes, Encoding.Latin1.GetBytes(value));
        }

        return block[..at];
    }

    /// <summary>The next frame, or null at the end of the connection.</summary>
    public async Task<(FrameHeader Header, byte[] Payload)?> ReadFrameAsync()
    {
        if (!await FillAsync(FrameHeader.Bytes))
        {
            return null;
        }

        Assert.True(FrameHeader.TryRead(_unread.ToArray(), out FrameHeader header));
        if (!await FillAsync(FrameHeader.Bytes + header.Length))
        {
            return null;
        }

        byte[] payload = [.. _unread.GetRange(FrameHeader.Bytes, header.Length)];
        _unread.RemoveRange(0, FrameHeader.Bytes + header.Length);
        return (header, payload);
    }

    /// <summary>The next frame of that type; others are passed over.</summary>
    public async Task<(FrameHeader Header, byte[] Payload)> ReadAsync(FrameType type)
    {
        while (true)
        {
            (FrameHeader Header, byte[] Payload)? frame = await ReadFrameAsync();
            Assert.True(frame is not null, $"The peer closed before a {type} frame came.");
            if (frame.Value.Header.Type == type && !(type is FrameType.SETTINGS or FrameType.PING && frame.Value.Header.Has(FrameFlags.ACK)))
            {
                return frame.Value;
            }
        }
    }

    /// <summary>Reads up to the other side's word that the settings count; what came before is passed over.</summary>
    public async Task ReadSettingsAckAsync()
    {
        while (await ReadFrameAsync() is { } frame)
        {
            if (frame.Header.Type == FrameType.SETTINGS && frame.Header.Has(FrameFlags.ACK))
            {
                return;
            }
        }

        Assert.Fail("The peer closed before it acknowledged the settings.");
    }

    public async Task<(int Id, bool End, Dictionary<string, string> Fields)> ReadHeadersAsync()
    {
        (FrameHeader header, byte[] payload) = await ReadAsync(FrameType.HEADERS);
        return (header.StreamId, header.Has(FrameFlags.END_STREAM), Fields(payload));
    }

    /// <summary>The fields of a HEADERS frame that was read as a frame; each must come here, in order.</summary>
    public Dictionary<string, string> Fields(byte[] payload)
    {
        var sink = new Sink();
        Assert.True(_decoder.TryDecode(payload, sink));
        return sink.Fields;
    }

    /// <summary>DATA of a stream up to END_STREAM or until so many bytes came.</summary>
    public async Task<string> ReadBodyAsync(int bytesMin = int.MaxValue)
    {
        var text = new StringBuilder();
        while (text.Length < bytesMin)
        {
            (FrameHeader header, byte[] payload) = await ReadAsync(FrameType.DATA);
            text.Append(Encoding.Latin1.GetString(payload));
            if (header.Has(FrameFlags.END_STREAM))
            {
                break;
            }
        }

        return text.ToString();
    }

    public async Task<Http2ErrorCode> ReadResetAsync() =>
        (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian((await ReadAsync(FrameType.RST_STREAM)).Payload);

    /// <summary>Reads on to GOAWAY and then to the end of the connection.</summary>
    public async Task<(int LastStream, Http2ErrorCode Code)> ReadGoAwayAsync()
    {
        byte[] payload = (await ReadAsync(FrameType.GOAWAY)).Payload;
        return (BinaryPrimitives.ReadInt32BigEndian(payload), (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload.AsSpan(4)));
    }

    public async Task ReadToEndAsync()
    {
        while (await ReadFrameAsync() is not null)
        {
        }
    }

    /// <summary>A block of a table of its own.</summary>
    public static Dictionary<string, string> Decode(Pilotfish.Runtime.Loops.EventLoop loop, byte[] block)
    {
        var sink = new Sink();
        Assert.True(new HpackDecoder(loop.Buffers, 4096).TryDecode(block, sink));
        return sink.Fields;
    }

    public static byte[] Number(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    private async Task<bool> FillAsync(int count)
    {
        byte[] buffer = new byte[64 * 1024];
        while (_unread.Count < count)
        {
            IoResult result = await Stream.ReceiveAsync(buffer);
            if (!result.IsOk || result.IsEnd)
            {
                return false;
            }

            _unread.AddRange(buffer.AsSpan(0, result.Bytes));
        }

        return true;
    }

    private sealed class Sink : IHpackSink
    {
        public Dictionary<string, string> Fields { get; } = [];

        public void OnField(WellKnownHeader known, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
        {
            string key = Encoding.Latin1.GetString(name);
            string text = Encoding.Latin1.GetString(value);
            Fields[key] = Fields.TryGetValue(key, out string? before) ? before + "|" + text : text;
        }
    }
}
