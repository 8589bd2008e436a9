using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// A TLS session over another stream of the same loop. Everything runs inline on the loop. Idle sessions hold no buffer while they
/// wait with an empty receive. Made by <see cref="TlsServerStream"/> and <see cref="TlsClientStream"/>; which library stands behind
/// it is <see cref="TlsEngines"/>' business.
/// </summary>
public abstract class TlsStream : IByteStream
{
    private TlsSessionFacts? _facts;

    private protected TlsStream(IByteStream inner) => Inner = inner;

    public EventLoop Loop => Inner.Loop;

    public NetAddress LocalAddress => Inner.LocalAddress;

    public NetAddress RemoteAddress => Inner.RemoteAddress;

    public bool IsClosed { get; private protected set; }

    public IPeerCloseObserver? PeerCloseObserver
    {
        get => Inner.PeerCloseObserver;
        set => Inner.PeerCloseObserver = value;
    }

    public TlsSessionFacts Tls => Facts;

    public string? TransportFailure => Failure ?? Inner.TransportFailure;

    /// <summary>The stream below, for facts of the connection. Nobody else may read or write it.</summary>
    public IByteStream Inner { get; }

    /// <summary>Known when the handshake is over.</summary>
    private protected TlsSessionFacts Facts
    {
        get => _facts ?? throw new InvalidOperationException("The handshake is not over.");
        set => _facts = value;
    }

    /// <summary>Why the session itself broke; null when it did not.</summary>
    private protected string? Failure { get; set; }

    public abstract IoResult TryReceive(Span<byte> buffer);

    public abstract ValueTask<IoResult> ReceiveAsync(Memory<byte> buffer);

    public abstract IoResult TrySend(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default);

    public abstract ValueTask<IoResult> SendAsync(ReadOnlyMemory<byte> bytes);

    public abstract ValueTask<IoResult> SendAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second);

    public abstract void CancelReceive();

    public abstract void CancelSend();

    public abstract void ShutdownSend();

    public abstract void Close();

    public abstract void Reset();
}
