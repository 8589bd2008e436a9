using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// Revocation lists of several issuers (RFC 5280 section 5). As OpenSSL with CRL_CHECK, an issuer without a list fails the chain.
/// Immutable; any thread.
/// </summary>
public sealed class RevocationLists
{
    private const string PemLabel = "X509 CRL";

    private readonly List<RevocationList> _lists;

    private RevocationLists(List<RevocationList> lists) => _lists = lists;

    public int Count => _lists.Count;

    /// <summary>When the first of them is out of date.</summary>
    internal DateTimeOffset EarliestUpdate
    {
        get
        {
            DateTimeOffset earliest = DateTimeOffset.MaxValue;
            foreach (RevocationList list in _lists)
            {
                earliest = list.NextUpdate < earliest ? list.NextUpdate : earliest;
            }

            return earliest;
        }
    }

    /// <summary>Every `X509 CRL` block of the text. Throws <see cref="CryptographicException"/> on a malformed one.</summary>
    public static RevocationLists FromPem(string pem)
    {
        var lists = new List<RevocationList>();
        ReadOnlySpan<char> rest = pem;
        while (PemEncoding.TryFind(rest, out PemFields fields))
        {
            if (rest[fields.Label].SequenceEqual(PemLabel))
            {
                lists.Add(RevocationList.Parse(Convert.FromBase64String(rest[fields.Base64Data].ToString())));
            }

            rest = rest[fields.Location.End..];
        }

        return new RevocationLists(lists);
    }

    /// <summary>The first certificate of the chain up to its anchor that is revoked, or whose issuer shows no usable list.</summary>
    internal (int Depth, string Text)? Problem(X509Chain chain, int anchorDepth, bool leafOnly)
    {
        // The anchor itself is trusted, not issued.
        int end = leafOnly ? Math.Min(1, anchorDepth) : anchorDepth;
        for (int depth = 0; depth < end; depth++)
        {
            if (Problem(chain.ChainElements[depth].Certificate, chain.ChainElements[depth + 1].Certificate, chain.ChainPolicy.VerificationTime) is { } text)
            {
                return (depth, text);
            }
        }

        return null;
    }

    private string? Problem(X509Certificate2 certificate, X509Certificate2 issuer, DateTimeOffset now)
    {
        string? problem = "unable to get certificate CRL";
        foreach (RevocationList list in _lists)
        {
            if (!list.Issuer.AsSpan().SequenceEqual(issuer.SubjectName.RawData))
            {
                continue;
            }

            if (!list.IsSignedBy(issuer))
            {
                problem = "CRL signature failure";
            }
            else if (list.NextUpdate < now)
            {
                problem = "CRL has expired";
            }
            else
            {
                return list.Revokes(certificate) ? "certificate revoked" : null;
            }
        }

        return problem;
    }
}
