using System.Buffers.Binary;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http2.Frames;

namespace Pilotfish.Proxy.Http2;

/// <summary>What each frame but DATA does: one method per type, each with the errors of its section in RFC 9113.</summary>
internal abstract partial class Http2Session
{
    private void HandleHeaders(in FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        _blockWireBytes = FrameHeader.Bytes + frame.Length;
        if (frame.StreamId == 0 || !TryUnpad(frame, ref payload))
        {
            Fail(Http2End.ProtocolViolation);
            return;
        }

        if (frame.Has(FrameFlags.PRIORITY))
        {
            if (payload.Length < 5)
            {
                Fail(Http2End.FrameSize);
                return;
            }

            if ((BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue) == frame.StreamId)
            {
                // The block must be decoded even so; a connection error spares that.
                Fail(Http2End.ProtocolViolation);
                return;
            }

            payload = payload[5..];
        }

        if (_guards.IsEmptyFlood(frame, payload.Length))
        {
            Cells.Add(Stats.InboundEmptyFramesFlood);
            Fail(Http2End.EmptyFramesFlood);
            return;
        }

        if (frame.Has(FrameFlags.END_HEADERS))
        {
            DecodeBlock(frame, payload);
            return;
        }

        _block.Begin(Loop.Buffers, frame, payload);
        OnBlockOpened(open: true);
    }

    private void HandleContinuation(in FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        if (!_block.IsOpen)
        {
            Fail(Http2End.ProtocolViolation);
            return;
        }

        int framesMax = _isServer ? Http2Limits.ServerContinuationsMax : Http2Limits.ClientContinuationsMax;
        if (!frame.Has(FrameFlags.END_HEADERS) && _guards.IsEmptyFlood(new FrameHeader(0, frame.Type, FrameFlags.None, 0), payload.Length))
        {
            Cells.Add(Stats.InboundEmptyFramesFlood);
            Fail(Http2End.EmptyFramesFlood);
            return;
        }

        if (!_block.TryContinue(Loop.Buffers, payload, framesMax, Reader.Limits.HeadBytes + Http2Limits.BlockSlackBytes))
        {
            Fail(Http2End.ContinuationFlood);
            return;
        }

        _blockWireBytes += frame.Length;
        if (frame.Has(FrameFlags.END_HEADERS))
        {
            OnBlockOpened(open: false);
            DecodeBlock(_block.First, _block.Bytes);
            _block.End();
        }
    }

    private void DecodeBlock(in FrameHeader frame, ReadOnlySpan<byte> bytes)
    {
        Http2Stream? stream = Find(frame.StreamId);
        bool end = frame.Has(FrameFlags.END_STREAM);
        HeaderMap? map = BeginBlock(stream, frame.StreamId, out HeaderBlockKind kind);
        if (Fault is not null)
        {
            return;
        }

        stream = Find(frame.StreamId);
        Reader.Begin(map, map is null ? HeaderBlockKind.Ignored : kind);
        if (!_decoder.TryDecode(bytes, Reader))
        {
            Fail(Http2End.Compression);
            return;
        }

        if (map is null)
        {
            return;
        }

        stream?.Meter.ReceivedFields(_blockWireBytes, _blockWireBytes, Reader.Bytes);
        HeaderBlockFault fault = Reader.Finish();
        if (Reader.Dropped > 0)
        {
            bool isRefused = fault == HeaderBlockFault.Underscore;
            Cells.Add(isRefused ? Stats.RejectedUnderscores : Stats.DroppedUnderscores, isRefused ? 1 : Reader.Dropped);
        }

        if (fault == HeaderBlockFault.None && kind == HeaderBlockKind.Trailers && (!end || (stream is not null && !stream.IsBodyComplete)))
        {
            fault = HeaderBlockFault.Messaging;
        }

        if (fault == HeaderBlockFault.None)
        {
            OnBlock(stream, frame.StreamId, end, kind);
            return;
        }

        bool tooLarge = fault is HeaderBlockFault.TooLarge or HeaderBlockFault.TooMany;
        Cells.Add(tooLarge ? Stats.HeaderOverflow : Stats.RxMessagingError);
        OnBlockFault(stream, frame.StreamId, EndOf(fault), tooLarge || Options.StreamErrorOnInvalidMessage);
    }

    private void HandlePriority(in FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        if (frame.StreamId == 0)
        {
            Fail(Http2End.ProtocolViolation);
            return;
        }

        if (_guards.IsPriorityFlood())
        {
            Cells.Add(Stats.InboundPriorityFramesFlood);
            Fail(Http2End.PriorityFlood);
            return;
        }

        // Its content is ignored (RFC 9113 section 5.3.2); its form is not.
        bool wrongSize = payload.Length != 5;
        bool onItself = !wrongSize && (BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue) == frame.StreamId;
        if (!wrongSize && !onItself)
        {
            return;
        }

        Http2End end = wrongSize ? Http2End.FrameSize : Http2End.ProtocolViolation;
        if (Find(frame.StreamId) is { } stream)
        {
            EndStream(stream, end);
        }
        else
        {
            Fail(end);
        }
    }

    private void HandleReset(in FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        if (payload.Length != 4)
        {
            Fail(Http2End.FrameSize);
            return;
        }

        if (frame.StreamId == 0 || (Find(frame.StreamId) is null && !WasOpened(frame.StreamId)))
        {
            Fail(Http2End.ProtocolViolation);
            return;
        }

        if (_isServer && _guards.IsResetFlood(Loop.NowMilliseconds))
        {
            Fail(Http2End.ResetFlood);
            return;
        }

        if (Find(frame.StreamId) is { } stream)
        {
            Cells.Add(Stats.RxReset);
            stream.Meter.WireBytesReceived += Http2Output.ResetBytes;
            OnStreamReset(stream, (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload));
        }
    }

    private void HandleSettings(in FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        if (frame.StreamId != 0)
        {
            Fail(Http2End.ProtocolViolation);
            return;
        }

        if (frame.Has(FrameFlags.ACK) ? payload.Length != 0 : payload.Length % PeerSettings.EntryBytes != 0)
        {
            Fail(Http2End.FrameSize);
            return;
        }

        if (frame.Has(FrameFlags.ACK))
        {
            return;
        }

        _settingsSeen = true;
        int before = Output.Peer.WindowBytes;
        Http2ErrorCode error = Output.Peer.Apply(payload, fromServer: !_isServer);
        if (error != Http2ErrorCode.NO_ERROR)
        {
            Fail(error switch
            {
                Http2ErrorCode.FLOW_CONTROL_ERROR => Http2End.FlowControl,
                Http2ErrorCode.ENHANCE_YOUR_CALM => Http2End.SettingsFlood,
                _ => Http2End.ProtocolViolation,
            });
            return;
        }

        Output.SettingsAck();
        OnSettings(Output.Peer.WindowBytes - before);
        _flushPending = true;
    }

    private void HandlePing(in FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        if (frame.StreamId != 0)
        {
            Fail(Http2End.ProtocolViolation);
        }
        else if (payload.Length != PingBytes)
        {
            Fail(Http2End.FrameSize);
        }
        else if (frame.Has(FrameFlags.ACK))
        {
            Keepalive?.OnPong();
        }
        else
        {
            Output.Ping(payload, ack: true);
        }
    }

    private void HandleGoAway(in FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        if (frame.StreamId != 0)
        {
            Fail(Http2End.ProtocolViolation);
        }
        else if (payload.Length < 8)
        {
            Fail(Http2End.FrameSize);
        }
        else
        {
            OnGoAway(BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue,
                (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload[4..]));
        }
    }

    private void HandleWindowUpdate(in FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        if (payload.Length != 4)
        {
            Fail(Http2End.FrameSize);
            return;
        }

        if (_guards.IsWindowUpdateFlood(Output.DataFrames))
        {
            Cells.Add(Stats.InboundWindowUpdateFramesFlood);
            Fail(Http2End.WindowUpdateFlood);
            return;
        }

        int credit = BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue;
        if (frame.StreamId == 0)
        {
            if (credit == 0 || !Output.TryAddWindow(credit))
            {
                Fail(credit == 0 ? Http2End.ProtocolViolation : Http2End.FlowControl);
            }

            _flushPending = true;
            return;
        }

        if (Find(frame.StreamId) is not { } stream)
        {
            if (!WasOpened(frame.StreamId))
            {
                Fail(Http2End.ProtocolViolation);
            }

            return;
        }

        if (credit == 0 || !stream.SendWindow.TryAdd(credit))
        {
            EndStream(stream, credit == 0 ? Http2End.ProtocolViolation : Http2End.FlowControl);
            return;
        }

        _flushPending = true;
    }

    // Envoy's extension. Of streams that are gone or have ended it is of no interest.
    private void HandleMetadata(in FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        if (Find(frame.StreamId) is not { IsRemoteClosed: false } stream)
        {
            return;
        }

        stream.Meter.WireBytesReceived += FrameHeader.Bytes + payload.Length;
        MetadataReader reader = stream.MetadataReader;
        switch (reader.Take(payload, frame.Has(FrameFlags.END_METADATA)))
        {
            case MetadataStatus.Complete when reader.Map.Count > 0:
                stream.OnMetadata(reader.Map);
                break;
            case MetadataStatus.Complete:
                Cells.Add(Stats.MetadataEmptyFrames);
                break;
            case MetadataStatus.TooLarge:
                Fail(Http2End.MetadataTooLarge);
                break;
            case MetadataStatus.Invalid:
                Fail(Http2End.Compression);
                break;
            default:
                break;
        }
    }

    private static bool TryUnpad(in FrameHeader frame, ref ReadOnlySpan<byte> payload)
    {
        if (!frame.Has(FrameFlags.PADDED))
        {
            return true;
        }

        if (payload.IsEmpty || payload[0] >= payload.Length)
        {
            return false;
        }

        payload = payload[1..^payload[0]];
        return true;
    }

    private static Http2End EndOf(HeaderBlockFault fault) => fault switch
    {
        HeaderBlockFault.InvalidField => Http2End.InvalidField,
        HeaderBlockFault.Underscore => Http2End.Underscore,
        HeaderBlockFault.TooLarge or HeaderBlockFault.TooMany => Http2End.TooManyHeaders,
        _ => Http2End.Messaging,
    };
}
