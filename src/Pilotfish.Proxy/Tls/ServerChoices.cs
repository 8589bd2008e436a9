using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>
/// The choices of one transport, each made once for a certificate and a verification: they carry the engine's context and its ticket
/// keys. Any worker; a rotation lets go of what it replaced, and sessions of that keep it as long as they live.
/// </summary>
internal sealed class ServerChoices(IReadOnlyList<CertificateSlot> certificates) : IDisposable
{
    private volatile Entry[] _entries = [];

    public TlsServerChoice Of(
        TlsIdentity identity, TlsPeerVerification? verification, Func<TlsIdentity, TlsPeerVerification?, TlsServerChoice> make)
    {
        foreach (Entry entry in _entries)
        {
            if (ReferenceEquals(entry.Identity, identity) && ReferenceEquals(entry.Verification, verification))
            {
                return entry.Choice;
            }
        }

        return Add(new Entry(identity, verification, make(identity, verification)));
    }

    /// <summary>The transport's configuration is gone. A handshake that is on its way makes a choice of its own.</summary>
    public void Dispose()
    {
        foreach (Entry entry in Interlocked.Exchange(ref _entries, []))
        {
            entry.Choice.Retire();
        }
    }

    private TlsServerChoice Add(Entry added)
    {
        while (true)
        {
            Entry[] known = _entries;
            var kept = new List<Entry>(known.Length + 1);
            var replaced = new List<Entry>();
            foreach (Entry entry in known)
            {
                bool isSameTrust = ReferenceEquals(entry.Verification, added.Verification);
                if (isSameTrust && ReferenceEquals(entry.Identity, added.Identity))
                {
                    // Another worker was first.
                    return entry.Choice;
                }

                (isSameTrust && IsCurrent(entry.Identity) ? kept : replaced).Add(entry);
            }

            kept.Add(added);
            if (Interlocked.CompareExchange(ref _entries, [.. kept], known) == known)
            {
                replaced.ForEach(static entry => entry.Choice.Retire());
                return added.Choice;
            }
        }
    }

    private bool IsCurrent(TlsIdentity identity)
    {
        foreach (CertificateSlot slot in certificates)
        {
            if (ReferenceEquals(slot.Current, identity))
            {
                return true;
            }
        }

        return false;
    }

    private sealed record Entry(TlsIdentity Identity, TlsPeerVerification? Verification, TlsServerChoice Choice);
}
