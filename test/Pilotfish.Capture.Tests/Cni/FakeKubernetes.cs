using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Pilotfish.Capture.Tests.Cni;

/// <summary>An API server that knows one answer, over TLS with an authority of its own or in plain text.</summary>
internal sealed class FakeKubernetes : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly X509Certificate2? _certificate;
    private readonly string _status;
    private readonly string _body;

    public FakeKubernetes(string status, string body, bool tls)
    {
        _status = status;
        _body = body;
        _certificate = tls ? NewCertificate() : null;
        _listener.Start();
        _ = ServeAsync();
    }

    public string Url => $"{(_certificate is null ? "http" : "https")}://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public string? AuthorityPem => _certificate?.ExportCertificatePem();

    /// <summary>The head of the last request.</summary>
    public string Asked { get; private set; } = string.Empty;

    /// <summary>The body of the last request.</summary>
    public string Body { get; private set; } = string.Empty;

    public static string Kubeconfig(string server, string? authorityPem, string token) => $"""
        apiVersion: v1
        kind: Config
        clusters:
        - name: c
          cluster:
            server: {server}
            {(authorityPem is null ? "" : "certificate-authority-data: " + Convert.ToBase64String(Encoding.ASCII.GetBytes(authorityPem)))}
        users:
        - name: u
          user:
            token: {token}
        contexts:
        - name: x
          context:
            cluster: c
            user: u
        current-context: x
        """;

    public void Dispose()
    {
        _listener.Dispose();
        _certificate?.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                using TcpClient client = await _listener.AcceptTcpClientAsync();
                await AnswerAsync(client);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task AnswerAsync(TcpClient client)
    {
        try
        {
            Stream stream = client.GetStream();
            if (_certificate is not null)
            {
                var tls = new SslStream(stream);
                await tls.AuthenticateAsServerAsync(_certificate);
                stream = tls;
            }

            var head = new StringBuilder();
            byte[] one = new byte[1];
            while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(one) == 1)
            {
                head.Append((char)one[0]);
            }

            byte[] body = new byte[ContentLength(head.ToString())];
            await stream.ReadExactlyAsync(body);
            Body = Encoding.UTF8.GetString(body);
            Asked = head.ToString();
            await stream.WriteAsync(Encoding.UTF8.GetBytes(
                $"HTTP/1.1 {_status}\r\ncontent-type: application/json\r\ncontent-length: {Encoding.UTF8.GetByteCount(_body)}\r\nconnection: close\r\n\r\n{_body}"));
        }
        catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
        {
            // A client that does not trust us hangs up.
        }
    }

    private static int ContentLength(string head) => head.Split("\r\n")
        .Where(line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))
        .Select(line => int.Parse(line["Content-Length:".Length..], System.Globalization.CultureInfo.InvariantCulture))
        .FirstOrDefault();

    private static X509Certificate2 NewCertificate()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=kubernetes", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using X509Certificate2 made = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}
