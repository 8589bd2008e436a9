using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>
/// envoy.data.accesslog.v3.TLSProperties. Certificates are read once for each connection: its later records copy the bytes of the first.
/// </summary>
internal static class TlsPropertyFields
{
    public static void Write(WireWriter writer, int field, ConnectionInfo connection)
    {
        if (connection.Tls is null && string.IsNullOrEmpty(connection.RequestedServerName) && connection.Ja3Fingerprint is null)
        {
            return;
        }

        writer.Bytes(field, connection.TlsLogProperties ??= Serialize(connection));
    }

    private static byte[] Serialize(ConnectionInfo connection)
    {
        WireWriter writer = new(new FormatOutput());
        if (connection.Tls is { } session)
        {
            writer.Number(1, VersionNumber(session.Protocol));
            if (Enum.TryParse(session.CipherSuite, out TlsCipherSuite suite))
            {
                int value = writer.Begin(2);
                writer.Number(1, (ulong)suite);
                writer.End(value);
            }
        }

        writer.Text(3, connection.RequestedServerName);
        if (connection.Tls is { } facts)
        {
            Certificate(writer, 4, facts.LocalCertificate);
            Certificate(writer, 5, facts.PeerCertificate);
        }

        writer.Text(7, connection.Ja3Fingerprint);

        return writer.Output.Written.ToArray();
    }

    private static void Certificate(WireWriter writer, int field, X509Certificate2? certificate)
    {
        int start = writer.Begin(field);
        if (certificate is not null)
        {
            foreach (string uri in CertificateTexts.AlternativeNameList(certificate, CertificateTexts.UriTag))
            {
                int name = writer.Begin(1);
                writer.TextMember(1, uri);
                writer.End(name);
            }

            writer.Text(2, CertificateTexts.Subject(certificate));
            writer.Text(3, CertificateTexts.Issuer(certificate));
        }

        writer.End(start);
    }

    private static ulong VersionNumber(SslProtocols protocol) => protocol switch
    {
        SslProtocols.Tls12 => 3,
        SslProtocols.Tls13 => 4,
        _ => 0,
    };
}
