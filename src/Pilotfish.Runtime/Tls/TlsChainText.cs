using System.Security.Cryptography.X509Certificates;

namespace Pilotfish.Runtime.Tls;

/// <summary>Reads a built chain as OpenSSL would: what is wrong, at which depth, in its words.</summary>
internal static class TlsChainText
{
    // Not asked for, or judged by our own lists.
    private const X509ChainStatusFlags Ignored =
        X509ChainStatusFlags.RevocationStatusUnknown | X509ChainStatusFlags.OfflineRevocation;

    internal const string Malformed = "verify cert failed: a certificate of the chain is malformed";

    /// <summary>Until when a chain that verifies goes on to do so: its certificates' ends and those of the revocation lists.</summary>
    internal static DateTimeOffset GoodUntil(X509Chain chain, TlsPeerVerification verification, X509Certificate2Collection anchors)
    {
        DateTimeOffset until = verification.Revocation?.EarliestUpdate ?? DateTimeOffset.MaxValue;
        int last = AnchorDepth(chain, anchors);
        for (int depth = 0; depth <= last && !verification.AllowExpired; depth++)
        {
            var end = new DateTimeOffset(chain.ChainElements[depth].Certificate.NotAfter);
            until = end < until ? end : until;
        }

        return until;
    }

    /// <summary>Null for a chain that verifies.</summary>
    internal static string? Problem(X509Chain? chain, TlsPeerVerification verification, X509Certificate2Collection anchors)
    {
        if (chain is null || chain.ChainElements.Count == 0)
        {
            return At(0, "unable to get local issuer certificate");
        }

        // A trusted intermediate ends the path (Envoy sets X509_V_FLAG_PARTIAL_CHAIN).
        int end = AnchorDepth(chain, anchors);
        int last = end >= 0 ? end : chain.ChainElements.Count - 1;
        X509ChainStatusFlags partial = end >= 0
            ? X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.UntrustedRoot
            : X509ChainStatusFlags.NoError;
        for (int depth = 0; depth <= last; depth++)
        {
            X509ChainElement element = chain.ChainElements[depth];
            foreach (X509ChainStatus status in element.ChainElementStatus)
            {
                X509ChainStatusFlags flags = status.Status & ~(Ignored | partial);
                if (verification.AllowExpired)
                {
                    flags &= ~X509ChainStatusFlags.NotTimeValid;
                }

                if (flags != X509ChainStatusFlags.NoError)
                {
                    return At(depth, Text(flags, element.Certificate, chain.ChainPolicy.VerificationTime, depth));
                }
            }
        }

        if (end < 0)
        {
            return At(last, "unable to get local issuer certificate");
        }

        if (verification.DepthMax is { } max && last - 1 > max)
        {
            return At(max + 1, "certificate chain too long");
        }

        return verification.Revocation?.Problem(chain, last, verification.RevokesLeafOnly) is { } revoked
            ? At(revoked.Depth, revoked.Text)
            : null;
    }

    private static string At(int depth, string text) =>
        $"X509_verify_cert: certificate verification error at depth {depth}: {text}";

    private static int AnchorDepth(X509Chain chain, X509Certificate2Collection anchors)
    {
        for (int depth = 0; depth < chain.ChainElements.Count; depth++)
        {
            ReadOnlySpan<byte> bytes = chain.ChainElements[depth].Certificate.RawDataMemory.Span;
            foreach (X509Certificate2 anchor in anchors)
            {
                if (anchor.RawDataMemory.Span.SequenceEqual(bytes))
                {
                    return depth;
                }
            }
        }

        return -1;
    }

    private static string Text(X509ChainStatusFlags flags, X509Certificate2 certificate, DateTime now, int depth)
    {
        if (flags.HasFlag(X509ChainStatusFlags.NotSignatureValid))
        {
            return "certificate signature failure";
        }

        if (flags.HasFlag(X509ChainStatusFlags.NotTimeValid))
        {
            return certificate.NotAfter < now ? "certificate has expired" : "certificate is not yet valid";
        }

        if (flags.HasFlag(X509ChainStatusFlags.UntrustedRoot))
        {
            return depth == 0 ? "self signed certificate" : "self signed certificate in certificate chain";
        }

        if (flags.HasFlag(X509ChainStatusFlags.PartialChain))
        {
            return "unable to get local issuer certificate";
        }

        if (flags.HasFlag(X509ChainStatusFlags.NotValidForUsage))
        {
            return "unsupported certificate purpose";
        }

        if (flags.HasFlag(X509ChainStatusFlags.InvalidBasicConstraints))
        {
            return "invalid CA certificate";
        }

        return flags.HasFlag(X509ChainStatusFlags.Revoked) ? "certificate revoked" : flags.ToString();
    }
}
