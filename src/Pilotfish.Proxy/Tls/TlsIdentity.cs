using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Pilotfish.Proxy.Tls;

/// <summary>A certificate with its key, and what it is chosen by: its names and its kind of key. Immutable.</summary>
public sealed class TlsIdentity
{
    private const string EllipticCurveOid = "1.2.840.10045.2.1";

    private readonly HashSet<string> _names = new(StringComparer.OrdinalIgnoreCase);

    public TlsIdentity(SslStreamCertificateContext context)
    {
        Context = context;
        X509Certificate2 leaf = context.TargetCertificate;
        IsEcdsa = leaf.PublicKey.Oid.Value == EllipticCurveOid;
        foreach ((SubjectAltNameKind kind, string name) in SubjectAltNames.Read(leaf))
        {
            if (kind == SubjectAltNameKind.Dns)
            {
                _names.Add(name);
            }
        }

        if (_names.Count == 0 && leaf.GetNameInfo(X509NameType.SimpleName, forIssuer: false) is { Length: > 0 } commonName)
        {
            _names.Add(commonName);
        }
    }

    public SslStreamCertificateContext Context { get; }

    public bool IsEcdsa { get; }

    /// <summary>Whether a name is this certificate's own.</summary>
    public bool Names(string serverName) => _names.Contains(serverName);

    /// <summary>Whether `*.` and the name without its first label is this certificate's own.</summary>
    public bool NamesByWildcard(string serverName)
    {
        int dot = serverName.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && _names.Contains("*" + serverName[dot..]);
    }
}
