using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Pilotfish.Agent.Identity.Workload;
using Pilotfish.Api.Failures;

namespace Pilotfish.Agent.Identity;

/// <summary>
/// Makes secrets of files. What is no certificate is not served: the socket must not become a way to read any file that the agent may
/// read. Fails with <see cref="SecretUnusableException"/>.
/// </summary>
internal static class SecretFileReader
{
    // The bundle of an operating system has 200 KB.
    private const long FileBytesMax = 4 * 1024 * 1024;

    public static Secret Certificate(string name, string chainFile, string keyFile)
    {
        byte[] chain = Read(chainFile);
        byte[] key = Read(keyFile);
        try
        {
            // Also finds a pair of which only one half was replaced so far.
            X509Certificate2.CreateFromPem(Encoding.UTF8.GetString(chain), Encoding.UTF8.GetString(key)).Dispose();
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new SecretUnusableException($"'{chainFile}' and '{keyFile}' are no certificate and its key: {FailureText.Of(e)}.");
        }

        return new Secret
        {
            Name = name,
            TlsCertificate = new TlsCertificate { CertificateChain = Inline(chain), PrivateKey = Inline(key) },
        };
    }

    /// <param name="name">The secret's name.</param>
    /// <param name="file">The roots.</param>
    /// <param name="revocationList">Goes with them once it exists.</param>
    /// <param name="more">PEM of further roots to trust; empty for none.</param>
    public static Secret Roots(string name, string file, string revocationList, string more = "")
    {
        byte[] roots = Read(file);
        var parsed = new X509Certificate2Collection();
        try
        {
            parsed.ImportFromPem(Encoding.UTF8.GetString(roots));
        }
        catch (CryptographicException e)
        {
            throw new SecretUnusableException($"'{file}' is no list of certificates: {FailureText.Of(e)}.");
        }

        foreach (X509Certificate2 certificate in parsed)
        {
            certificate.Dispose();
        }

        if (parsed.Count == 0)
        {
            throw new SecretUnusableException($"'{file}' has no certificate in it.");
        }

        return Roots(name, more.Length == 0 ? roots : Encoding.UTF8.GetBytes(TrustBundle.Merge(Encoding.UTF8.GetString(roots), more)), revocationList);
    }

    /// <summary>The same from roots that are known to be certificates.</summary>
    public static Secret Roots(string name, byte[] roots, string revocationList)
    {
        var context = new CertificateValidationContext { TrustedCa = Inline(roots) };
        if (File.Exists(revocationList))
        {
            context.Crl = new DataSource { Filename = revocationList };
        }

        return new Secret { Name = name, ValidationContext = context };
    }

    private static byte[] Read(string file)
    {
        try
        {
            long length = new FileInfo(file).Length;
            return length <= FileBytesMax
                ? File.ReadAllBytes(file)
                : throw new SecretUnusableException($"'{file}' has {length} bytes; certificates have at most {FileBytesMax}.");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new SecretUnusableException($"'{file}' is not there (yet).");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SecretUnusableException($"'{file}' cannot be read: {FailureText.Of(e)}.");
        }
    }

    private static DataSource Inline(byte[] bytes) => new() { InlineBytes = UnsafeByteOperations.UnsafeWrap(bytes) };
}
