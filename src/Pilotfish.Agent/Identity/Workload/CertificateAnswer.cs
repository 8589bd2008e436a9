using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Google.Protobuf;
using Istio.V1.Auth;

namespace Pilotfish.Agent.Identity.Workload;

/// <summary>
/// Reads what an authority answers: a chain whose first certificate is the workload's and whose last entry holds the roots
/// (istio security/pkg/nodeagent/cache/secretcache.go). What no peer could accept is not taken.
/// </summary>
internal static class CertificateAnswer
{
    /// <summary>Null and a sentence when it is of no use.</summary>
    public static IssuedCertificate? Read(ReadOnlySpan<byte> message, CertificateKey key, DateTimeOffset now, out string problem)
    {
        IList<string> chain;
        try
        {
            chain = IstioCertificateResponse.Parser.ParseFrom(message).CertChain;
        }
        catch (InvalidProtocolBufferException)
        {
            problem = "the answer is no IstioCertificateResponse";
            return null;
        }

        // One entry would be a certificate without the root that makes others trust it.
        if (chain.Count < 2)
        {
            problem = $"the answer's cert_chain has {chain.Count} entries; it needs the certificate and the root at least";
            return null;
        }

        for (int i = 1; i < chain.Count; i++)
        {
            if (!HoldsCertificates(chain[i]))
            {
                problem = $"entry {i} of the answer's cert_chain is no certificate in PEM";
                return null;
            }
        }

        return ReadLeaf(chain, key, now, out problem);
    }

    private static IssuedCertificate? ReadLeaf(IList<string> chain, CertificateKey key, DateTimeOffset now, out string problem)
    {
        X509Certificate2 leaf;
        try
        {
            leaf = X509Certificate2.CreateFromPem(chain[0]);
        }
        catch (CryptographicException)
        {
            problem = "entry 0 of the answer's cert_chain is no certificate in PEM";
            return null;
        }

        using (leaf)
        {
            DateTimeOffset notBefore = leaf.NotBefore;
            DateTimeOffset notAfter = leaf.NotAfter;
            if (!key.Fits(leaf))
            {
                problem = "the answer's certificate is for another key";
                return null;
            }

            if (notAfter <= now)
            {
                problem = $"the answer's certificate ended {notAfter.UtcDateTime:u}, and here it is {now.UtcDateTime:u}: one of the two clocks is wrong";
                return null;
            }

            problem = "";
            return new IssuedCertificate
            {
                Chain = ByteString.CopyFromUtf8(Concatenate(chain)),
                Key = UnsafeByteOperations.UnsafeWrap(key.Pem),
                Roots = chain[^1],
                Received = now,
                NotBefore = notBefore,
                NotAfter = notAfter,
                Uris = CertificateUris.Of(leaf),
            };
        }
    }

    private static bool HoldsCertificates(string pem)
    {
        var parsed = new X509Certificate2Collection();
        try
        {
            parsed.ImportFromPem(pem);
        }
        catch (CryptographicException)
        {
            return false;
        }
        finally
        {
            foreach (X509Certificate2 certificate in parsed)
            {
                certificate.Dispose();
            }
        }

        return parsed.Count > 0;
    }

    // Each begins on a line of its own.
    private static string Concatenate(IList<string> chain)
    {
        var text = new StringBuilder();
        foreach (string entry in chain)
        {
            if (text.Length > 0 && text[^1] != '\n')
            {
                text.Append('\n');
            }

            text.Append(entry);
        }

        return text.ToString();
    }
}
