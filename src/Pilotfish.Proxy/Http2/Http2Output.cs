using System.Buffers.Binary;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Http2.Hpack;
using Pilotfish.Runtime.Buffers;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Http2;

/// <summary>
/// Everything one connection sends: frames of one turn leave in one write. DATA goes out as far as both windows and the socket
/// take it; the rest waits in its stream, and streams take turns of a frame each. Control frames never wait for windows, so they are
/// counted: a peer that makes us answer and does not read is cut off. Loop-affine.
/// </summary>
internal sealed class Http2Output
{
    private readonly Http2Options _options;
    private readonly SendQueue _out;
    private readonly HpackEncoder _encoder;
    private readonly Queue<Http2Stream> _waiting = new();
    private readonly BufferPool _buffers;
    private SendWindow _window = new(PeerSettings.InitialWindowBytes);
    private int _frames;
    private int _controlFrames;
    private bool _abandoned;

    public Http2Output(IByteStream io, ISendQueueOwner owner, long highWatermark, Http2Options options)
    {
        _options = options;
        _buffers = io.Loop.Buffers;
        _out = new SendQueue(io, owner, highWatermark);
        _encoder = new HpackEncoder(options.Huffman);
    }

    public PeerSettings Peer { get; } = new();

    public long BytesSent => _out.BytesSent;

    public bool IsEmpty => _out.IsEmpty;

    /// <summary>DATA frames written so far; WINDOW_UPDATEs are held against them.</summary>
    public long DataFrames { get; private set; }

    /// <summary>Set when a bound of unsent frames is passed; the session ends itself.</summary>
    public Http2End? Flood { get; private set; }

    /// <summary>The kernel took everything: nothing waits any more that could be a flood.</summary>
    public void OnFlushed()
    {
        _frames = 0;
        _controlFrames = 0;
    }

    /// <summary>Sends what this turn wrote now.</summary>
    public void FlushNow() => _out.OnTurnEnd();

    /// <summary>Nothing more is sent; what is written from now on is dropped.</summary>
    public void Abandon()
    {
        _abandoned = true;
        _out.Abandon();
    }

    public void WritePreface(bool client, int extraConnectionWindow, bool allowConnect)
    {
        if (client && !_abandoned)
        {
            _out.Write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);
        }

        Span<byte> settings = stackalloc byte[PeerSettings.EntryBytes * (5 + _options.CustomSettings.Length)];
        int at = 0;
        foreach (Http2Setting custom in _options.CustomSettings)
        {
            at = Setting(settings, at, (SettingId)custom.Id, custom.Value);
        }

        at = Setting(settings, at, SettingId.HEADER_TABLE_SIZE, (uint)_options.HpackTableBytes);
        at = client
            ? Setting(settings, at, SettingId.ENABLE_PUSH, 0)
            : Setting(settings, at, SettingId.MAX_CONCURRENT_STREAMS, (uint)_options.ConcurrentStreamsMax);
        at = Setting(settings, at, SettingId.INITIAL_WINDOW_SIZE, (uint)_options.StreamWindowBytes);
        if (allowConnect && !client)
        {
            at = Setting(settings, at, SettingId.ENABLE_CONNECT_PROTOCOL, 1);
        }

        Frame(FrameType.SETTINGS, FrameFlags.None, 0, settings[..at]);
        if (extraConnectionWindow > 0)
        {
            WindowUpdate(0, extraConnectionWindow);
        }
    }

    public void SettingsAck()
    {
        _encoder.SetCapacity(Peer.HeaderTableBytes);
        Control(FrameType.SETTINGS, FrameFlags.ACK, 0, default);
    }

    public void Ping(ReadOnlySpan<byte> opaque, bool ack) => Control(FrameType.PING, ack ? FrameFlags.ACK : FrameFlags.None, 0, opaque);

    public void Reset(int streamId, Http2ErrorCode code)
    {
        Span<byte> payload = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(payload, (uint)code);
        Control(FrameType.RST_STREAM, FrameFlags.None, streamId, payload);
    }

    public void GoAway(int lastStreamId, Http2ErrorCode code)
    {
        Span<byte> payload = stackalloc byte[8];
        BinaryPrimitives.WriteInt32BigEndian(payload, lastStreamId);
        BinaryPrimitives.WriteUInt32BigEndian(payload[4..], (uint)code);
        Frame(FrameType.GOAWAY, FrameFlags.None, 0, payload);
    }

    public const int WindowUpdateBytes = FrameHeader.Bytes + 4;

    public const int ResetBytes = FrameHeader.Bytes + 4;

    public void WindowUpdate(int streamId, int credit)
    {
        Span<byte> payload = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(payload, credit);
        Frame(FrameType.WINDOW_UPDATE, FrameFlags.None, streamId, payload);
    }

    /// <summary>Writes a message's head or trailers: pseudo-headers first, as RFC 9113 section 8.3 wants.</summary>
    public void Headers(Http2Stream stream, HeaderMap headers, bool end)
    {
        if (_abandoned)
        {
            return;
        }

        int streamId = stream.Id;
        int bound = HpackEncoder.BlockOverheadMax + headers.ByteSize + (headers.Count * HpackEncoder.FieldOverheadMax);
        FrameFlags flags = end ? FrameFlags.END_STREAM : FrameFlags.None;
        if (bound <= Peer.FrameBytes)
        {
            Span<byte> room = _out.Reserve(FrameHeader.Bytes + bound);
            int length = Encode(room[FrameHeader.Bytes..], headers);
            FrameHeader.Write(room, length, FrameType.HEADERS, flags | FrameFlags.END_HEADERS, streamId);
            _out.Commit(FrameHeader.Bytes + length);
            stream.Meter.SentFields(FrameHeader.Bytes + length, FrameHeader.Bytes + length, headers.ByteSize);
            Count();
            return;
        }

        // Rare: a head that may not fit one frame is written aside and cut.
        PooledBuffer aside = _buffers.Rent(bound);
        int total = Encode(aside.Span, headers);
        int wireBytes = 0;
        var type = FrameType.HEADERS;
        for (int at = 0; at == 0 || at < total;)
        {
            int length = Math.Min(total - at, Peer.FrameBytes);
            bool last = at + length == total;
            FrameFlags frameFlags = (at == 0 ? flags : FrameFlags.None) | (last ? FrameFlags.END_HEADERS : FrameFlags.None);
            Frame(type, frameFlags, streamId, aside.Span.Slice(at, length));
            type = FrameType.CONTINUATION;
            wireBytes += FrameHeader.Bytes + length;
            at += length;
            if (last)
            {
                break;
            }
        }

        stream.Meter.SentFields(wireBytes, wireBytes, headers.ByteSize);
        aside.Return();
    }

    /// <summary>
    /// Writes METADATA, in as many frames as it takes. Its blocks use no table, so that any number of streams can be read apart; flow control
    /// does not hold it, and the bound of outbound frames does.
    /// </summary>
    public void Metadata(Http2Stream stream, HeaderMap metadata)
    {
        var encoder = new HpackEncoder(huffman: false);
        encoder.SetCapacity(0);
        PooledBuffer aside = _buffers.Rent(HpackEncoder.BlockOverheadMax + metadata.ByteSize + (metadata.Count * HpackEncoder.FieldOverheadMax));
        int total = Encode(encoder, aside.Span, metadata);
        int frameBytes = Math.Min(Peer.FrameBytes, FrameHeader.PayloadBytesDefault);
        for (int at = 0; at < total; at += frameBytes)
        {
            int length = Math.Min(total - at, frameBytes);
            Frame(FrameType.METADATA, at + length == total ? FrameFlags.END_METADATA : FrameFlags.None, stream.Id, aside.Span.Slice(at, length));
            stream.Meter.WireBytesSent += FrameHeader.Bytes + length;
        }

        aside.Return();
    }

    /// <summary>Sends or keeps a piece of a stream's body; END_STREAM goes with the last byte.</summary>
    public void Data(Http2Stream stream, ReadOnlySpan<byte> data, bool end)
    {
        if (_abandoned || stream.IsLocalClosed)
        {
            return;
        }

        if (stream.Pending.IsEmpty && !_out.IsBlocked)
        {
            int sent = WriteData(stream, data, end, int.MaxValue);
            data = data[sent..];
            if (data.IsEmpty && (!end || stream.IsLocalClosed))
            {
                return;
            }
        }

        stream.Pending.Append(_buffers, data);
        stream.EndPending |= end;
        Enqueue(stream);
        stream.CheckBlocked();
    }

    public void Trailers(Http2Stream stream, HeaderMap trailers)
    {
        if (stream.Pending.IsEmpty)
        {
            Headers(stream, trailers, end: true);
            stream.LocalEnd();
            return;
        }

        var kept = new HeaderMap();
        kept.CopyFrom(trailers);
        stream.PendingTrailers = kept;
        stream.EndPending = true;
    }

    /// <summary>
    /// What a stream's pending bytes will take if windows allow full frames. A block of trailers cannot be packed before its turn, since
    /// the table changes with each; it counts with what it holds.
    /// </summary>
    public long UnsentWireBytes(Http2Stream stream)
    {
        int waiting = stream.Pending.Length;
        if (waiting == 0 && !stream.EndPending)
        {
            return 0;
        }

        int frameBytes = Math.Min(Peer.FrameBytes, FrameHeader.PayloadBytesDefault);
        int frames = Math.Max(1, (waiting + frameBytes - 1) / frameBytes);
        long trailers = stream.PendingTrailers is { } fields ? FrameHeader.Bytes + fields.ByteSize : 0;
        return waiting + ((long)frames * FrameHeader.Bytes) + trailers;
    }

    /// <summary>False when the connection's window would pass its range.</summary>
    public bool TryAddWindow(int credit) => _window.TryAdd(credit);

    /// <summary>Windows or the socket have room again: streams take turns.</summary>
    public void SendPending()
    {
        int turnsWithoutProgress = 0;
        while (_waiting.Count > 0 && !_abandoned && !_out.IsBlocked && turnsWithoutProgress < _waiting.Count)
        {
            Http2Stream stream = _waiting.Dequeue();
            if (stream.IsClosed || (stream.Pending.IsEmpty && !stream.EndPending))
            {
                stream.IsQueued = false;
                continue;
            }

            bool progress = SendOne(stream);
            if (stream.Pending.IsEmpty)
            {
                stream.IsQueued = false;
            }
            else
            {
                _waiting.Enqueue(stream);
            }

            turnsWithoutProgress = progress ? 0 : turnsWithoutProgress + 1;
        }
    }

    private bool SendOne(Http2Stream stream)
    {
        bool endsWithData = stream.EndPending && stream.PendingTrailers is null;
        int sent = WriteData(stream, stream.Pending.Unread, endsWithData, FrameHeader.PayloadBytesDefault);
        stream.Pending.Consume(sent);
        stream.CheckBlocked();
        if (stream.Pending.IsEmpty && stream.PendingTrailers is { } trailers)
        {
            stream.PendingTrailers = null;
            Headers(stream, trailers, end: true);
            stream.LocalEnd();
        }

        if (stream.IsLocalClosed)
        {
            stream.Session.OnPendingSent(stream);
        }

        return sent > 0 || stream.IsLocalClosed;
    }

    private int WriteData(Http2Stream stream, ReadOnlySpan<byte> data, bool end, int most)
    {
        int sent = 0;
        do
        {
            int length = Math.Min(Math.Min(data.Length - sent, most - sent), Math.Min(stream.SendWindow.Available, _window.Available));
            length = Math.Min(length, Math.Min(Peer.FrameBytes, FrameHeader.PayloadBytesDefault));
            bool last = sent + length == data.Length;
            if (length == 0 && !(last && end))
            {
                break;
            }

            bool ends = last && end;
            FrameHeader.Write(_out.Reserve(FrameHeader.Bytes), length, FrameType.DATA, ends ? FrameFlags.END_STREAM : FrameFlags.None, stream.Id);
            _out.Commit(FrameHeader.Bytes);
            _out.Write(data.Slice(sent, length));
            stream.Meter.WireBytesSent += FrameHeader.Bytes + length;
            stream.SendWindow.Sent(length);
            _window.Sent(length);
            sent += length;
            DataFrames++;
            Count();
            stream.LastSent = stream.Session.Loop.NowMilliseconds;
            if (ends)
            {
                stream.LocalEnd();
                break;
            }
        }
        while (sent < data.Length && sent < most && !_out.IsBlocked);
        return sent;
    }

    private void Enqueue(Http2Stream stream)
    {
        if (!stream.IsQueued)
        {
            stream.IsQueued = true;
            _waiting.Enqueue(stream);
        }
    }

    private int Encode(Span<byte> destination, HeaderMap headers) => Encode(_encoder, destination, headers);

    private static int Encode(HpackEncoder encoder, Span<byte> destination, HeaderMap headers)
    {
        int at = encoder.Begin(destination);
        for (int slot = 0; slot < headers.SlotCount; slot++)
        {
            if (!headers.IsLive(slot))
            {
                continue;
            }

            HeaderEntry entry = headers.At(slot);
            if (WellKnownHeaders.IsPseudo(entry.Known))
            {
                at += encoder.Field(destination[at..], entry.Known, entry.Name, entry.Value);
            }
        }

        for (int slot = 0; slot < headers.SlotCount; slot++)
        {
            if (!headers.IsLive(slot))
            {
                continue;
            }

            HeaderEntry entry = headers.At(slot);
            if (!WellKnownHeaders.IsPseudo(entry.Known))
            {
                at += encoder.Field(destination[at..], entry.Known, entry.Name, entry.Value);
            }
        }

        return at;
    }

    private void Control(FrameType type, FrameFlags flags, int streamId, ReadOnlySpan<byte> payload)
    {
        Frame(type, flags, streamId, payload);
        if (++_controlFrames <= _options.OutboundControlFramesMax)
        {
            return;
        }

        // Perhaps only this turn was busy: what the kernel takes now was no flood.
        FlushNow();
        if (_controlFrames > _options.OutboundControlFramesMax)
        {
            Flood ??= Http2End.OutboundControlFlood;
        }
    }

    private void Frame(FrameType type, FrameFlags flags, int streamId, ReadOnlySpan<byte> payload)
    {
        if (_abandoned)
        {
            return;
        }

        Span<byte> room = _out.Reserve(FrameHeader.Bytes + payload.Length);
        FrameHeader.Write(room, payload.Length, type, flags, streamId);
        payload.CopyTo(room[FrameHeader.Bytes..]);
        _out.Commit(FrameHeader.Bytes + payload.Length);
        Count();
    }

    private void Count()
    {
        if (++_frames <= _options.OutboundFramesMax)
        {
            return;
        }

        FlushNow();
        if (_frames > _options.OutboundFramesMax)
        {
            Flood ??= Http2End.OutboundFlood;
        }
    }

    private static int Setting(Span<byte> destination, int at, SettingId id, uint value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination[at..], (ushort)id);
        BinaryPrimitives.WriteUInt32BigEndian(destination[(at + 2)..], value);
        return at + PeerSettings.EntryBytes;
    }
}
