using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>
/// Which of a server's certificates answers a client: by SNI exactly, then by wildcard, within each the kind of key that the
/// client prefers; nothing fits: the first, or by key kind over all (envoy docs, arch_overview/security/ssl "certificate selection").
/// </summary>
internal static class CertificateChooser
{
    public static TlsIdentity? Choose(IReadOnlyList<CertificateSlot> slots, TlsClientHello hello, bool fullScan)
    {
        if (slots.Count == 1)
        {
            return slots[0].Current;
        }

        TlsIdentity? found = null;
        if (hello.ServerName is { } name)
        {
            found = Best(slots, hello, identity => identity.Names(name))
                ?? Best(slots, hello, identity => identity.NamesByWildcard(name));
        }

        if (found is null && (hello.ServerName is null || fullScan))
        {
            found = Best(slots, hello, static _ => true);
        }

        return found ?? (slots.Count > 0 ? slots[0].Current : null);
    }

    private static TlsIdentity? Best(IReadOnlyList<CertificateSlot> slots, TlsClientHello hello, Predicate<TlsIdentity> fits)
    {
        TlsIdentity? first = null;
        foreach (CertificateSlot slot in slots)
        {
            if (slot.Current is not { } identity || !fits(identity))
            {
                continue;
            }

            if (identity.IsEcdsa == hello.AcceptsEcdsa)
            {
                return identity;
            }

            // An EC key is of no use to a client that cannot verify it.
            first ??= identity.IsEcdsa ? null : identity;
        }

        return first;
    }
}
