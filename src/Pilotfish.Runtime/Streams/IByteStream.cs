using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Runtime.Streams;

/// <summary>
/// A connected pair of byte directions on one loop: a socket, a TLS session over another stream, or memory.
/// Every member is loop-affine. At most one receive and one send may be pending; a ValueTask is awaited once.
/// A cancelled or closed operation continues later in the turn, never inside the call that ended it.
/// </summary>
public interface IByteStream
{
    EventLoop Loop { get; }

    NetAddress LocalAddress { get; }

    NetAddress RemoteAddress { get; }

    /// <summary>Bytes that are there now; <see cref="IoError.WouldBlock"/> when there are none.</summary>
    IoResult TryReceive(Span<byte> buffer);

    /// <summary>
    /// Waits for bytes or the end. Empty memory waits until a receive is worth trying and yields zero bytes (it may be
    /// spurious), so that an idle connection holds no buffer.
    /// </summary>
    ValueTask<IoResult> ReceiveAsync(Memory<byte> buffer);

    /// <summary>Sends what fits now, possibly less than given.</summary>
    IoResult TrySend(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default);

    /// <summary>Sends everything or fails; the memory must stay untouched until it completes.</summary>
    ValueTask<IoResult> SendAsync(ReadOnlyMemory<byte> bytes);

    /// <summary>Sends both, gathered in one system call when they fit.</summary>
    ValueTask<IoResult> SendAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second);

    /// <summary>Ends a pending receive with <see cref="IoError.Canceled"/>; no byte is lost.</summary>
    void CancelReceive();

    /// <summary>Ends a pending send with <see cref="IoError.Canceled"/>; part of its bytes may have gone.</summary>
    void CancelSend();

    /// <summary>Tells the peer that no more bytes come (FIN, close_notify). Nothing may be sent afterwards.</summary>
    void ShutdownSend();

    /// <summary>Orderly close; pending operations end with <see cref="IoError.Closed"/>. Idempotent.</summary>
    void Close();

    /// <summary>Abortive close (RST) where the transport has one.</summary>
    void Reset();

    bool IsClosed { get; }

    /// <summary>Set while nobody receives; if the peer has gone already, it is told later in this turn.</summary>
    IPeerCloseObserver? PeerCloseObserver { get; set; }

    /// <summary>Null on plaintext.</summary>
    TlsSessionFacts? Tls { get; }

    /// <summary>One sentence for logs when the transport itself failed.</summary>
    string? TransportFailure { get; }
}
