using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Runtime.Streams;

/// <summary>
/// A stream that misbehaves by script: short receives and sends, resets at an exact byte, delays. For tests of whoever uses a
/// stream; it allocates freely.
/// </summary>
public sealed class FaultyByteStream(IByteStream inner, FaultScript script) : IByteStream
{
    private long _received;
    private long _sent;
    private int _receives;
    private bool _broken;

    public EventLoop Loop => inner.Loop;

    public NetAddress LocalAddress => inner.LocalAddress;

    public NetAddress RemoteAddress => inner.RemoteAddress;

    public bool IsClosed => inner.IsClosed && !_broken;

    public IPeerCloseObserver? PeerCloseObserver
    {
        get => inner.PeerCloseObserver;
        set => inner.PeerCloseObserver = value;
    }

    public TlsSessionFacts? Tls => inner.Tls;

    public string? TransportFailure => _broken ? IoError.ConnectionReset.Describe() : inner.TransportFailure;

    public long ReceivedBytes => _received;

    public long SentBytes => _sent;

    public IoResult TryReceive(Span<byte> buffer)
    {
        // A scripted delay makes every immediate receive find nothing.
        if (script.ReceiveDelayMilliseconds > 0)
        {
            return IoResult.Failed(IoError.WouldBlock);
        }

        return _broken ? IoResult.Failed(IoError.ConnectionReset) : Count(inner.TryReceive(buffer[..ReceiveLimit(buffer.Length)]));
    }

    public async ValueTask<IoResult> ReceiveAsync(Memory<byte> buffer)
    {
        if (script.ReceiveDelayMilliseconds > 0)
        {
            await Loop.DelayAsync(script.ReceiveDelayMilliseconds);
        }

        if (_broken)
        {
            return IoResult.Failed(IoError.ConnectionReset);
        }

        return buffer.IsEmpty
            ? await inner.ReceiveAsync(buffer)
            : Count(await inner.ReceiveAsync(buffer[..ReceiveLimit(buffer.Length)]));
    }

    public IoResult TrySend(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default)
    {
        if (script.SendDelayMilliseconds > 0)
        {
            return IoResult.Failed(IoError.WouldBlock);
        }

        ReadOnlySpan<byte> bytes = first.IsEmpty ? second : first;
        int limit = SendLimit(bytes.Length);
        if (_broken || (limit == 0 && !bytes.IsEmpty))
        {
            return Break();
        }

        IoResult result = inner.TrySend(bytes[..limit]);
        _sent += result.Bytes;
        return result;
    }

    public ValueTask<IoResult> SendAsync(ReadOnlyMemory<byte> bytes) => SendAsync(bytes, default);

    public async ValueTask<IoResult> SendAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        byte[] all = [.. first.Span, .. second.Span];
        int at = 0;
        while (at < all.Length)
        {
            if (script.SendDelayMilliseconds > 0)
            {
                await Loop.DelayAsync(script.SendDelayMilliseconds);
            }

            int limit = SendLimit(all.Length - at);
            if (_broken || limit == 0)
            {
                return Break();
            }

            IoResult result = await inner.SendAsync(all.AsMemory(at, limit));
            if (!result.IsOk)
            {
                return result;
            }

            at += limit;
            _sent += limit;
        }

        return IoResult.Ok(all.Length);
    }

    public void CancelReceive() => inner.CancelReceive();

    public void CancelSend() => inner.CancelSend();

    public void ShutdownSend() => inner.ShutdownSend();

    public void Close()
    {
        _broken = false;
        inner.Close();
    }

    public void Reset()
    {
        _broken = false;
        inner.Reset();
    }

    private int ReceiveLimit(int wanted)
    {
        int scripted = _receives < script.ReceiveSizes.Count ? script.ReceiveSizes[_receives] : script.ReceiveBytesMax;
        long untilReset = script.ResetAfterReceivedBytes - _received;
        return (int)Math.Min(wanted, Math.Min(scripted, Math.Max(1, untilReset)));
    }

    private int SendLimit(int wanted) =>
        (int)Math.Min(wanted, Math.Min(script.SendBytesMax, Math.Max(0, script.ResetAfterSentBytes - _sent)));

    private IoResult Count(IoResult result)
    {
        if (!result.IsOk)
        {
            return result;
        }

        if (_received >= script.ResetAfterReceivedBytes)
        {
            return Break();
        }

        _receives++;
        _received += result.Bytes;
        return result;
    }

    private IoResult Break()
    {
        if (!_broken)
        {
            _broken = true;
            inner.Reset();
        }

        return IoResult.Failed(IoError.ConnectionReset);
    }
}
