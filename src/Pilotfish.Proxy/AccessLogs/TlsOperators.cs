using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Pilotfish.Language.Formats;
using Pilotfish.Language.Formats.Arguments;
using Pilotfish.Proxy.Http;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Facts of both TLS sessions. Certificate texts are made per record: who asks for them pays for them.</summary>
internal static class TlsOperators
{
    private const int HostNameBytesMax = 255;

    /// <summary>Facts that expressions have and format strings have not.</summary>
    public static FormatOperation UpstreamLocalSubject { get; } = static (in FormatSource s, FormatOutput output) =>
        OperatorTableExtensions.Write(output, s.Info.Upstream.Tls?.LocalCertificate is { } found ? CertificateTexts.Subject(found) : null);

    public static FormatOperation UpstreamPeerDigest { get; } = static (in FormatSource s, FormatOutput output) =>
        OperatorTableExtensions.Write(output, s.Info.Upstream.Tls?.PeerCertificate is { } found ? Fingerprint256(found) : null);

    public static void AddTo(Dictionary<string, Func<FormatOperator, FormatOperation>> all)
    {
        AddSide(all, "DOWNSTREAM", static s => s.Info.Connection.Tls);
        AddSide(all, "UPSTREAM", static s => s.Info.Upstream.Tls);
        AddCertificates(all);
        all.Add("REQUESTED_SERVER_NAME", RequestedServerName);

        all.AddText("TLS_JA3_FINGERPRINT", static s => s.Info.Connection.Ja3Fingerprint);
        all.AddText("TLS_JA4_FINGERPRINT", static s => s.Info.Connection.Ja4Fingerprint);
    }

    private static void AddSide(
        Dictionary<string, Func<FormatOperator, FormatOperation>> all, string side, Func<FormatSource, TlsSessionFacts?> session)
    {
        all.AddText($"{side}_TLS_VERSION", s => Version(session(s)));
        all.AddText($"{side}_TLS_CIPHER", s => session(s) is { } facts ? CipherNames.OpenSsl(facts.CipherSuite) : null);

        all.AddText($"{side}_TLS_SESSION_ID", s => session(s)?.SessionId);
    }

    // Each certificate has the operators that Envoy has for it, and no others: a name that Envoy refuses is a typing error here too.
    private static void AddCertificates(Dictionary<string, Func<FormatOperator, FormatOperation>> all)
    {
        foreach (string prefix in (string[])["DOWNSTREAM_PEER_", "DOWNSTREAM_LOCAL_"])
        {
            CertificateOperators of = new(all, prefix, Certificate(prefix));
            of.Text("SUBJECT", CertificateTexts.Subject);
            of.Names("URI_SAN", CertificateTexts.UriTag);
            of.Names("DNS_SAN", CertificateTexts.DnsTag);
            of.Names("IP_SAN", CertificateTexts.IpTag);
            of.Names("EMAIL_SAN", CertificateTexts.EmailTag);
            of.Names("OTHERNAME_SAN", CertificateTexts.OtherNameTag);
        }

        foreach (string prefix in (string[])["UPSTREAM_PEER_", "UPSTREAM_LOCAL_"])
        {
            CertificateOperators of = new(all, prefix, Certificate(prefix));
            of.Names("URI_SAN", CertificateTexts.UriTag);
            of.Names("DNS_SAN", CertificateTexts.DnsTag);
            of.Names("IP_SAN", CertificateTexts.IpTag);
        }

        foreach (string prefix in (string[])["DOWNSTREAM_PEER_", "UPSTREAM_PEER_"])
        {
            CertificateOperators of = new(all, prefix, Certificate(prefix));
            of.Text("ISSUER", CertificateTexts.Issuer);
            of.Text("CERT", static c => Uri.EscapeDataString(c.ExportCertificatePem() + "\n"));
            of.Time("CERT_V_START", static c => c.NotBefore);
            of.Time("CERT_V_END", static c => c.NotAfter);
        }

        CertificateOperators server = new(all, "UPSTREAM_PEER_", Certificate("UPSTREAM_PEER_"));
        server.Text("SUBJECT", CertificateTexts.Subject);
        CertificateOperators client = new(all, "DOWNSTREAM_PEER_", Certificate("DOWNSTREAM_PEER_"));
        client.Text("SERIAL", CertificateTexts.Serial);
        client.Text("FINGERPRINT_256", Fingerprint256);
        client.Text("FINGERPRINT_1", Fingerprint1);

        Chain(all, "SERIALS", SerialOf);
        Chain(all, "FINGERPRINTS_256", static der => Fingerprint(der, HashAlgorithmName.SHA256));
        Chain(all, "FINGERPRINTS_1", static der => Fingerprint(der, HashAlgorithmName.SHA1));
    }

    // Of the leaf and of what the client showed behind it, with commas between.
    private static void Chain(Dictionary<string, Func<FormatOperator, FormatOperation>> all, string name, Func<byte[], string> text) =>
        all.AddText("DOWNSTREAM_PEER_CHAIN_" + name, s =>
        {
            if (s.Info.Connection.Tls is not { PeerCertificate: { } leaf } tls)
            {
                return null;
            }

            var joined = new StringBuilder(text(leaf.RawData));
            foreach (byte[] issuer in tls.PeerIssuers)
            {
                joined.Append(',').Append(text(issuer));
            }

            return joined.ToString();
        });

    private static string SerialOf(byte[] der)
    {
        try
        {
            using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(der);
            return CertificateTexts.Serial(certificate);
        }
        catch (CryptographicException)
        {
            // TLS took it; what cannot be read again is a missing part of a log field, not a failure.
            return "";
        }
    }

    private static string Fingerprint(byte[] der, HashAlgorithmName algorithm) =>
        Convert.ToHexStringLower(CryptographicOperations.HashData(algorithm, der));

    private static Func<FormatSource, X509Certificate2?> Certificate(string prefix) => prefix switch
    {
        "DOWNSTREAM_PEER_" => static s => s.Info.Connection.Tls?.PeerCertificate,
        "DOWNSTREAM_LOCAL_" => static s => s.Info.Connection.Tls?.LocalCertificate,
        "UPSTREAM_PEER_" => static s => s.Info.Upstream.Tls?.PeerCertificate,
        _ => static s => s.Info.Upstream.Tls?.LocalCertificate,
    };

    private static string Fingerprint256(X509Certificate2 certificate) =>
        certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant();

    private static string Fingerprint1(X509Certificate2 certificate) =>
        certificate.GetCertHashString(HashAlgorithmName.SHA1).ToLowerInvariant();

    private static string? Version(TlsSessionFacts? facts) => facts?.Protocol switch
    {
        SslProtocols.Tls13 => "TLSv1.3",
        SslProtocols.Tls12 => "TLSv1.2",
        null => null,
        SslProtocols other => other.ToString(),
    };

    private static FormatOperation RequestedServerName(FormatOperator source)
    {
        ServerNameArguments arguments = ServerNameArguments.Parse(source);
        ServerNameOrder order = arguments.Order;
        HeaderKeys keys = HeaderKeys.Of(arguments.Host);
        return (in FormatSource s, FormatOutput output) =>
        {
            bool hasHost = order != ServerNameOrder.SniOnly && keys.TryGet(s.Info.RequestHeaders, out _);
            string? sni = s.Info.Connection.RequestedServerName;
            bool useHost = hasHost && (order == ServerNameOrder.HostFirst || string.IsNullOrEmpty(sni));
            if (useHost && keys.TryGet(s.Info.RequestHeaders, out ReadOnlySpan<byte> authority))
            {
                AppendHostName(output, authority);
                return FormatValueKind.Text;
            }

            return AppendServerName(output, sni);
        };
    }

    private static FormatValueKind AppendServerName(FormatOutput output, string? name)
    {
        if (string.IsNullOrEmpty(name))
        {
            return FormatValueKind.Missing;
        }

        foreach (char c in name.AsSpan(0, Math.Min(name.Length, HostNameBytesMax)))
        {
            output.Append(IsHostCharacter(c) ? (byte)c : (byte)'_');
        }

        return FormatValueKind.Text;
    }

    // The client chooses this text: what no host name can hold must not forge log fields.
    private static void AppendHostName(FormatOutput output, ReadOnlySpan<byte> name)
    {
        int colon = name.LastIndexOf((byte)':');
        ReadOnlySpan<byte> host = colon > 0 && name[^1] != ']' ? name[..colon] : name;
        foreach (byte c in host[..Math.Min(host.Length, HostNameBytesMax)])
        {
            output.Append(IsHostCharacter((char)c) ? c : (byte)'_');
        }
    }

    private static bool IsHostCharacter(char c) =>
        char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or ':' or '[' or ']' or '*';
}
