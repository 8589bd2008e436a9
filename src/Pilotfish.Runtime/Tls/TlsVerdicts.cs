using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// Which peers' chains verified, and until when: a sidecar meets the same few peers thousands of times, and building a chain costs
/// more than the rest of a handshake. Refusals are not kept. Any thread: an entry is written as a whole, and one that is lost to
/// another thread's write costs a chain built again.
/// </summary>
internal sealed class TlsVerdicts
{
    /// <summary>Peers remembered; a newer one takes the place of another with the same hash.</summary>
    private const int EntriesMax = 128;

    /// <summary>Intermediates remembered for sessions that are resumed without them; a mesh has a handful.</summary>
    private const int IssuersMax = 16;

    private volatile TlsPeerVerification? _rules;
    private volatile Entry?[]? _entries;
    private volatile X509Certificate2[] _issuers = [];

    internal TlsVerdicts()
    {
    }

    internal TlsVerdicts(TlsPeerVerification rules) => _rules = rules;

    /// <summary>Not to be changed.</summary>
    internal X509Certificate2[] Issuers => _issuers;

    /// <summary>Whether these rules would judge every chain as those for which the verdicts were made. The first to ask decides.</summary>
    internal bool Serves(TlsPeerVerification rules)
    {
        TlsPeerVerification known = _rules ??= rules;
        return ReferenceEquals(known, rules)
            || (ReferenceEquals(known.Roots, rules.Roots) && ReferenceEquals(known.RootsFor, rules.RootsFor)
                && ReferenceEquals(known.Revocation, rules.Revocation) && known.AllowExpired == rules.AllowExpired
                && known.RevokesLeafOnly == rules.RevokesLeafOnly && known.DepthMax == rules.DepthMax);
    }

    /// <param name="peer">As <see cref="PeerCertificates"/> gives it: equal certificates are one object.</param>
    /// <param name="isServer">Which side judges: the other side's purpose differs.</param>
    /// <param name="now">The wall clock.</param>
    internal bool IsGood(X509Certificate2 peer, bool isServer, DateTimeOffset now) =>
        _entries?[Slot(peer)] is { } entry && ReferenceEquals(entry.Peer, peer) && entry.IsServer == isServer && now < entry.Until;

    internal void Add(X509Certificate2 peer, bool isServer, DateTimeOffset until, X509Certificate2Collection issuers)
    {
        Entry?[] entries = _entries ??= new Entry?[EntriesMax];
        Volatile.Write(ref entries[Slot(peer)], new Entry(peer, isServer, until));
        foreach (X509Certificate2 issuer in issuers)
        {
            X509Certificate2[] known = _issuers;
            if (known.Length < IssuersMax && Array.IndexOf(known, issuer) < 0)
            {
                _issuers = [.. known, issuer];
            }
        }
    }

    // Internal for testing: what crowding does to an entry.
    internal void Forget() => _entries = null;

    private static int Slot(X509Certificate2 peer) => RuntimeHelpers.GetHashCode(peer) & (EntriesMax - 1);

    private sealed record Entry(X509Certificate2 Peer, bool IsServer, DateTimeOffset Until);
}
