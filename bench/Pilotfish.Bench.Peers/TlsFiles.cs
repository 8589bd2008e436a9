using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Pilotfish.Bench.Peers;

/// <summary>A P-256 root with a server's and a client's certificate, made for one run, in files as every peer wants them.</summary>
internal sealed class TlsFiles
{
    /// <summary>The cipher list of istiod's DownstreamTlsContext, in OpenSSL's form.</summary>
    public const string IstioCiphers = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:"
        + "ECDHE-RSA-AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-GCM-SHA256";

    public TlsFiles(string directory)
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=bench root", rootKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        using X509Certificate2 root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
        (Roots, Server, ServerKey) = (Path.Combine(directory, "root.pem"), Path.Combine(directory, "server.pem"), Path.Combine(directory, "server.key"));
        (Client, ClientKey) = (Path.Combine(directory, "client.pem"), Path.Combine(directory, "client.key"));
        Joined = Path.Combine(directory, "server.joined.pem");
        File.WriteAllText(Roots, root.ExportCertificatePem() + "\n");
        Write(root, "CN=server", Server, ServerKey);
        Write(root, "CN=client", Client, ClientKey);
        ClientJoined = Path.Combine(directory, "client.joined.pem");
        File.WriteAllText(Joined, File.ReadAllText(Server) + File.ReadAllText(ServerKey));
        File.WriteAllText(ClientJoined, File.ReadAllText(Client) + File.ReadAllText(ClientKey));
    }

    public string Roots { get; }

    public string Server { get; }

    public string ServerKey { get; }

    /// <summary>Certificate and key in one file, for HAProxy.</summary>
    public string Joined { get; }

    public string ClientJoined { get; }

    public string Client { get; }

    public string ClientKey { get; }

    private static void Write(X509Certificate2 root, string subject, string certificateFile, string keyFile)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(subject[3..]);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 leaf = request.Create(
            root, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(certificateFile, leaf.ExportCertificatePem() + "\n");
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem() + "\n");
    }
}
