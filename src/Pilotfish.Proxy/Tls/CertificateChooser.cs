using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>
/// Which of a server's certificates answers a client: by SNI exactly, then by wildcard, within each the kind of key that the
/// client prefers and none that the stapling policy forbids; nothing fits: the first, or by key kind over all (envoy docs,
/// arch_overview/security/ssl "certificate selection"; source/common/tls/default_tls_certificate_selector.cc). Immutable; any worker.
/// </summary>
internal sealed class CertificateChooser(
    IReadOnlyList<CertificateSlot> slots, bool fullScan = false,
    DownstreamTlsContext.Types.OcspStaplePolicy policy = DownstreamTlsContext.Types.OcspStaplePolicy.LenientStapling)
{
    public CertificateChoice Choose(TlsClientHello hello, DateTimeOffset now)
    {
        TlsIdentity? found = null;
        if (hello.ServerName is { } name)
        {
            found = Best(hello, now, identity => identity.Names(name)) ?? Best(hello, now, identity => identity.NamesByWildcard(name));
        }

        bool isNamed = found is not null;
        if (!isNamed && slots.Count > 1 && (hello.ServerName is null || fullScan))
        {
            found = Best(hello, now, static _ => true);
        }

        found ??= slots.Count > 0 ? slots[0].Current : null;
        return new CertificateChoice(found, found is null ? StapleAction.NotAsked : ActionOf(found, hello, now), isNamed);
    }

    private TlsIdentity? Best(TlsClientHello hello, DateTimeOffset now, Predicate<TlsIdentity> fits)
    {
        TlsIdentity? candidate = null;
        foreach (CertificateSlot slot in slots)
        {
            if (slot.Current is not { } identity || !fits(identity) || ActionOf(identity, hello, now) == StapleAction.Fail)
            {
                continue;
            }

            if (identity.IsEcdsa ? (identity.Curve & hello.EcdsaCurves) != 0 : hello.EcdsaCurves == EcdsaCurves.None)
            {
                return identity;
            }

            // An EC key is of no use to a client that cannot verify it; an RSA key is second to one that it can.
            candidate ??= identity.IsEcdsa ? null : identity;
        }

        return candidate;
    }

    private StapleAction ActionOf(TlsIdentity identity, TlsClientHello hello, DateTimeOffset now)
    {
        if (!hello.AsksForStaple)
        {
            return StapleAction.NotAsked;
        }

        if (identity.Staple is { } staple && staple.IsValid(now))
        {
            return StapleAction.Staple;
        }

        bool isForbidden = identity.MustStaple || policy == DownstreamTlsContext.Types.OcspStaplePolicy.MustStaple
            || (policy == DownstreamTlsContext.Types.OcspStaplePolicy.StrictStapling && identity.Staple is not null);
        return isForbidden ? StapleAction.Fail : StapleAction.Omit;
    }
}
