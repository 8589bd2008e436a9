using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Runtime.Interop;

/// <summary>
/// Whose bytes an <see cref="SslConnection"/> moves. Called from inside libssl, on the loop's thread: no member may use the
/// connection, and what one throws continues when libssl has returned.
/// </summary>
internal interface ISslOwner
{
    /// <summary>Received bytes, straight into libssl's record buffer; WouldBlock when there are none now, zero at the end.</summary>
    IoResult ReceiveRecords(Span<byte> buffer);

    /// <summary>Takes all of the bytes, which are whole records or parts of a flight, or fails for good.</summary>
    IoError SendRecords(ReadOnlySpan<byte> bytes);

    /// <summary>
    /// Judges the chain that a peer shows, in DER, the leaf first. 0 (X509_V_OK) takes it; else the X509_V_ERR_ number that makes the
    /// alert.
    /// </summary>
    int JudgePeer(ReadOnlySpan<byte> leaf, IReadOnlyList<byte[]> issuers);

    /// <summary>One line of NSS's key log, without its end.</summary>
    void LogKey(SessionKeyLog log, ReadOnlySpan<byte> line);
}
