using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Network;

/// <summary>A stream whose bytes a network filter sees as they pass. It changes none of them.</summary>
public abstract class ObservedByteStream(IByteStream inner) : IByteStream
{
    protected IByteStream Inner { get; } = inner;

    public EventLoop Loop => Inner.Loop;

    public NetAddress LocalAddress => Inner.LocalAddress;

    public NetAddress RemoteAddress => Inner.RemoteAddress;

    public bool IsClosed => Inner.IsClosed;

    public TlsSessionFacts? Tls => Inner.Tls;

    public string? TransportFailure => Inner.TransportFailure;

    public IPeerCloseObserver? PeerCloseObserver
    {
        get => Inner.PeerCloseObserver;
        set => Inner.PeerCloseObserver = value;
    }

    public virtual IoResult TryReceive(Span<byte> buffer)
    {
        IoResult result = Inner.TryReceive(buffer);
        if (result.IsOk && !buffer.IsEmpty)
        {
            OnReceived(buffer[..result.Bytes], result.IsEnd);
        }

        return result;
    }

    public virtual async ValueTask<IoResult> ReceiveAsync(Memory<byte> buffer)
    {
        IoResult result = await Inner.ReceiveAsync(buffer);
        if (result.IsOk && !buffer.IsEmpty)
        {
            OnReceived(buffer.Span[..result.Bytes], result.IsEnd);
        }

        return result;
    }

    public virtual IoResult TrySend(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default)
    {
        IoResult result = Inner.TrySend(first, second);
        if (result.IsOk)
        {
            OnSent(first[..Math.Min(first.Length, result.Bytes)]);
            OnSent(second[..Math.Max(0, result.Bytes - first.Length)]);
        }

        return result;
    }

    public virtual ValueTask<IoResult> SendAsync(ReadOnlyMemory<byte> bytes) => SendAsync(bytes, default);

    public virtual ValueTask<IoResult> SendAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        OnSent(first.Span);
        OnSent(second.Span);
        return Inner.SendAsync(first, second);
    }

    public void CancelReceive() => Inner.CancelReceive();

    public void CancelSend() => Inner.CancelSend();

    public virtual void ShutdownSend() => Inner.ShutdownSend();

    public void Close() => Inner.Close();

    public void Reset() => Inner.Reset();

    /// <summary>Bytes from the peer; <paramref name="end"/> when the peer sent its last.</summary>
    protected abstract void OnReceived(ReadOnlySpan<byte> bytes, bool end);

    /// <summary>Bytes on their way to the peer.</summary>
    protected abstract void OnSent(ReadOnlySpan<byte> bytes);
}
