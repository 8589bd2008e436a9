using Pilotfish.Proxy.Http2.Frames;

namespace Pilotfish.Proxy.Http2;

/// <summary>What DATA frames do (RFC 9113 section 6.1): they are passed on as their bytes come, never gathered whole.</summary>
internal abstract partial class Http2Session
{
    private bool BeginData(in FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        bool padded = frame.Has(FrameFlags.PADDED);
        if (frame.StreamId == 0)
        {
            return Fail(Http2End.ProtocolViolation);
        }

        if (padded && frame.Length == 0)
        {
            return Fail(Http2End.FrameSize);
        }

        if (padded && payload.IsEmpty)
        {
            return false;
        }

        int padding = padded ? payload[0] : 0;
        int lead = padded ? 1 : 0;
        int data = frame.Length - lead - padding;
        if (data < 0)
        {
            return Fail(Http2End.ProtocolViolation);
        }

        if (!_window.TryReceive(frame.Length))
        {
            return Fail(Http2End.FlowControl);
        }

        if (_guards.IsEmptyFlood(frame, data))
        {
            Cells.Add(Stats.InboundEmptyFramesFlood);
            return Fail(Http2End.EmptyFramesFlood);
        }

        Http2Stream? stream = Find(frame.StreamId);
        if (!CheckData(stream, frame))
        {
            return Fault is null;
        }

        _in.Consume(FrameHeader.Bytes + lead);
        if (stream is not null)
        {
            stream.Meter.WireBytesReceived += FrameHeader.Bytes + frame.Length;
        }

        _dataFrame = frame;
        _dataLeft = data;
        _paddingLeft = padding;
        _inData = true;
        if (lead + padding > 0)
        {
            Consumed(stream, frame.StreamId, lead + padding);
        }

        if (data == 0)
        {
            Deliver(default);
        }

        return true;
    }

    /// <summary>Whether the frame is to be taken: false after an error of the connection.</summary>
    private bool CheckData(Http2Stream? stream, in FrameHeader frame)
    {
        if (stream is null)
        {
            if (!WasOpened(frame.StreamId))
            {
                return Fail(Http2End.ProtocolViolation);
            }

            if (!WasReset(frame.StreamId))
            {
                ResetUnknown(frame.StreamId, Http2ErrorCode.STREAM_CLOSED);
            }

            return true;
        }

        if (stream.IsRemoteClosed)
        {
            EndStream(stream, Http2End.StreamClosed);
        }
        else if (!stream.HasHead)
        {
            EndStream(stream, Http2End.ProtocolViolation);
        }
        else if (!stream.ReceiveWindow.TryReceive(frame.Length))
        {
            EndStream(stream, Http2End.FlowControl);
        }

        return true;
    }

    private bool StepData(ReadOnlySpan<byte> unread)
    {
        if (_dataLeft > 0)
        {
            if (unread.IsEmpty)
            {
                return false;
            }

            int length = Math.Min(_dataLeft, unread.Length);
            _dataLeft -= length;
            Deliver(unread[..length]);
            _in.Consume(length);
            return true;
        }

        int padding = Math.Min(_paddingLeft, unread.Length);
        _paddingLeft -= padding;
        _in.Consume(padding);
        _inData = _paddingLeft > 0;
        return !_inData;
    }

    private void Deliver(ReadOnlySpan<byte> data)
    {
        bool end = _dataLeft == 0 && _dataFrame.Has(FrameFlags.END_STREAM);
        Http2Stream? stream = Find(_dataFrame.StreamId);
        if (stream is null || stream.IsRemoteClosed)
        {
            // Nobody wants it; the connection's window must not shrink for that.
            Consumed(null, 0, data.Length);
            return;
        }

        if (data.IsEmpty && !end)
        {
            return;
        }

        if (end)
        {
            stream.RemoteEnd();
        }

        int id = stream.Id;
        if (!stream.TakeData(data, end))
        {
            Consumed(null, 0, data.Length);
            Cells.Add(Stats.RxMessagingError);
            OnBlockFault(stream, id, Http2End.Messaging, streamOnly: true);
        }
        else if (end && Find(id) == stream && stream.IsClosed)
        {
            EndClosed(stream);
        }
    }
}
