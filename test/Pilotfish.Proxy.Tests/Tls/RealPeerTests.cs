using System.Diagnostics;
using System.Globalization;
using Envoy.Config.Accesslog.V3;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Tests.Reasons;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Tls;

/// <summary>Foreign implementations on the other side: openssl and curl as clients, nginx and openssl as servers.</summary>
public sealed class RealPeerTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("pilotfish-tls-peers").FullName;
    private readonly List<Process> _processes = [];

    public void Dispose()
    {
        foreach (Process process in _processes)
        {
            if (!process.HasExited)
            {
                process.Kill();
                process.WaitForExit();
            }

            process.Dispose();
        }

        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void SClient_Reconnecting_ResumesItsSession() => LoopRunner.Run(async loop =>
    {
        Prerequisite.Program("openssl");
        var bench = new TlsBench(loop);
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", TlsBench.Mutual())));
        (string certificate, string key, string root) = Files("client", TlsBench.ClientUri);
        string output = await RunAsync(
            "openssl", "s_client", "-connect", address.ToString(), "-reconnect", "-tls1_2", "-cert", certificate, "-key", key, "-CAfile", root);
        Assert.Contains("Verify return code: 0 (ok)", output, StringComparison.Ordinal);
        Assert.Equal(6, bench.Stat("l", "ssl.handshake"));
        Assert.Equal(5, bench.Stat("l", "ssl.session_reused"));
        Assert.Equal(6, bench.Stat("l", "ssl.versions.TLSv1.2"));
    });

    /// <summary>ocsp_staple: what openssl gets, by policy, and what is counted.</summary>
    [Theory]
    [InlineData(DownstreamTlsContext.Types.OcspStaplePolicy.LenientStapling, 1, true, "OCSP Response Status: successful", "1 1 0 0 1")]
    [InlineData(DownstreamTlsContext.Types.OcspStaplePolicy.LenientStapling, 1, false, "", "0 0 0 0 1")]
    [InlineData(DownstreamTlsContext.Types.OcspStaplePolicy.LenientStapling, -1, true, "OCSP response: no response sent", "1 0 1 0 1")]
    [InlineData(DownstreamTlsContext.Types.OcspStaplePolicy.StrictStapling, -1, true, "", "1 0 0 1 0")]
    public void SClient_AskingForTheStatus_GetsWhatThePolicySays(
        DownstreamTlsContext.Types.OcspStaplePolicy policy, int days, bool asks, string shown, string counted) => LoopRunner.Run(async loop =>
    {
        Prerequisite.Program("openssl");
        if (!TlsEngines.HeedsParameters)
        {
            return;
        }

        var bench = new TlsBench(loop);
        (string Chain, string Key) leaf = TlsBench.Mesh.DnsLeaf("a.example");
        TlsCertificate certificate = TlsMessages.Certificate(leaf);
        using (var parsed = System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPem(leaf.Chain))
        {
            certificate.OcspStaple = new Envoy.Config.Core.V3.DataSource
            {
                InlineBytes = Google.Protobuf.ByteString.CopyFrom(TestOcsp.Response(parsed, DateTimeOffset.UtcNow.AddDays(days))),
            };
        }

        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", new DownstreamTlsContext
        {
            OcspStaplePolicy = policy, CommonTlsContext = new CommonTlsContext { TlsCertificates = { certificate } },
        })));
        string output = await RunAsync("openssl", ["s_client", "-connect", address.ToString(), .. asks ? (string[])["-status"] : []]);

        Assert.Contains(shown, output, StringComparison.Ordinal);
        string[] names = ["ssl.ocsp_staple_requests", "ssl.ocsp_staple_responses", "ssl.ocsp_staple_omitted", "ssl.ocsp_staple_failed", "ssl.handshake"];
        Assert.Equal(counted, string.Join(' ', names.Select(name => bench.Stat("l", name))));
    });

    /// <summary>The access log's operators beside what openssl prints of the same session and certificate.</summary>
    [Fact]
    public void SClient_OfAKnownCertificate_IsLoggedAsOpenSslPrintsIt() => LoopRunner.Run(async loop =>
    {
        Prerequisite.Program("openssl");
        var bench = new TlsBench(loop);
        List<string> records = [];
        bench.Fixture.Context.Extensions.Register<IAccessLoggerFactory>(new FormatRecordFactory(records));
        Listener listener = TlsMessages.Listener("l", TlsMessages.Chain("t", "c", TlsBench.Mutual()));
        listener.AccessLog.Add(new AccessLog
        {
            Name = "record",
            TypedConfig = CauseBench.Packed(
                "%DOWNSTREAM_TLS_SESSION_ID%|%DOWNSTREAM_TLS_VERSION%|%DOWNSTREAM_TLS_CIPHER%|%DOWNSTREAM_PEER_SERIAL%"
                + "|%DOWNSTREAM_PEER_FINGERPRINT_256%|%DOWNSTREAM_PEER_FINGERPRINT_1%|%DOWNSTREAM_PEER_SUBJECT%|%DOWNSTREAM_PEER_ISSUER%"
                + "|%DOWNSTREAM_PEER_CERT_V_START(%Y-%m-%d %H:%M:%SZ)%|%DOWNSTREAM_PEER_CERT_V_END(%Y-%m-%d %H:%M:%SZ)%"
                + "|%DOWNSTREAM_PEER_URI_SAN%|%DOWNSTREAM_LOCAL_URI_SAN%|%REQUESTED_SERVER_NAME%"),
        });
        NetAddress address = bench.Apply(listener);
        (string certificate, string key, string root) = Files("client", TlsBench.ClientUri);
        string session = await RunAsync(
            "openssl", "s_client", "-connect", address.ToString(), "-tls1_2", "-no_ticket", "-servername", "s.example", "-cert", certificate, "-key", key,
            "-CAfile", root);
        string x509 = await RunAsync(
            "openssl", "x509", "-in", certificate, "-noout", "-serial", "-subject", "-issuer", "-startdate", "-enddate", "-dateopt", "iso_8601",
            "-nameopt", "RFC2253");
        string sha256 = await RunAsync("openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha256");
        string sha1 = await RunAsync("openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha1");
        await TestPeers.UntilAsync(loop, () => records.Count > 0);
        string[] told =
        [
            TlsEngines.HeedsParameters ? After(session, "Session-ID: ").ToLowerInvariant() : "-", "TLSv1.2", After(session, "Cipher    : "),
            After(x509, "serial=").ToLowerInvariant(), Hex(After(sha256, "Fingerprint=")), Hex(After(sha1, "Fingerprint=")), After(x509, "subject="),
            After(x509, "issuer="), After(x509, "notBefore="), After(x509, "notAfter="), TlsBench.ClientUri, TlsBench.ServerUri, "s.example",
        ];
        Assert.Equal(string.Join('|', told), records[0]);

        static string After(string output, string label) => output[(output.IndexOf(label, StringComparison.Ordinal) + label.Length)..].Split('\n')[0];

        static string Hex(string fingerprint) => fingerprint.Replace(":", "", StringComparison.Ordinal).ToLowerInvariant();
    });

    [Theory]
    [InlineData("-cipher", "AES256-SHA256")]
    [InlineData("-cipher", "ECDHE-ECDSA-AES128-SHA")]
    [InlineData("-tls1_1", "")]
    public void SClient_WithWhatIsNotAllowed_GetsNoSession(string option, string value) => LoopRunner.Run(async loop =>
    {
        Prerequisite.Program("openssl");
        var bench = new TlsBench(loop);
        DownstreamTlsContext tls = TlsBench.Mutual();
        tls.RequireClientCertificate = false;
        tls.CommonTlsContext.TlsParams = new TlsParameters { CipherSuites = { "ECDHE-ECDSA-AES256-GCM-SHA384" } };
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls)));
        string[] extra = value.Length == 0 ? [option] : ["-tls1_2", option, value];
        string output = await RunAsync("openssl", ["s_client", "-connect", address.ToString(), .. extra]);
        Assert.Contains("Cipher is (NONE)", output, StringComparison.Ordinal);
        Assert.Equal(0, bench.Stat("l", "ssl.handshake"));
    });

    /// <summary>An RSA and an EC certificate for one name: openssl is shown the one that it says it can verify.</summary>
    [Theory]
    [InlineData("RSA-PSS+SHA256:RSA+SHA256", "RSA")]
    [InlineData("ECDSA+SHA256", "ECDSA")]
    [InlineData("ECDSA+SHA256:RSA-PSS+SHA256", "ECDSA")]
    public void SClient_OfOneKindOfSignature_IsShownThatCertificate(string algorithms, string kind) => LoopRunner.Run(async loop =>
    {
        Prerequisite.Program("openssl");
        var bench = new TlsBench(loop);
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", new DownstreamTlsContext
        {
            CommonTlsContext = new CommonTlsContext
            {
                TlsCertificates =
                {
                    TlsMessages.Certificate(TlsBench.Mesh.DnsLeaf("both.example", rsa: true)),
                    TlsMessages.Certificate(TlsBench.Mesh.DnsLeaf("both.example")),
                },
            },
        })));
        string root = Files("unused", TlsBench.ClientUri).Root;
        foreach (string version in (string[])["-tls1_2", "-tls1_3"])
        {
            string output = await RunAsync(
                "openssl", "s_client", "-connect", address.ToString(), version, "-servername", "both.example", "-sigalgs", algorithms, "-CAfile", root);
            Assert.Contains("Verify return code: 0 (ok)", output, StringComparison.Ordinal);
            Assert.Contains(kind == "RSA" ? "a:PKEY: rsaEncryption" : "a:PKEY: id-ecPublicKey", output, StringComparison.Ordinal);
        }
    });

    [Fact]
    public void Curl_OverTls_IsAnsweredByTheUpstream() => LoopRunner.Run(async loop =>
    {
        Prerequisite.Program("curl");
        var bench = new TlsBench(loop);
        ListenSocket upstream = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        TestPeers.Serve(upstream, async stream =>
        {
            await stream.ReceiveAsync(new byte[4096]);
            await stream.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello"u8.ToArray());
            stream.Close();
        });
        bench.Fixture.Apply(TransportFixture.StaticCluster("web", upstream.LocalAddress));
        var tls = new DownstreamTlsContext
        {
            CommonTlsContext = new CommonTlsContext { TlsCertificates = { TlsMessages.Certificate(TlsBench.Mesh.DnsLeaf("web.example")) } },
        };
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "web", tls)));
        string root = Files("unused", TlsBench.ClientUri).Root;
        string output = await RunAsync(
            "curl", "-sS", "--cacert", root, "--connect-to", $"web.example:443:127.0.0.1:{address.Port}", "https://web.example/");
        Assert.Equal("hello", output);
    });

    [Fact]
    public void Nginx_DemandingAClientCertificate_IsReachedThroughACluster() => LoopRunner.Run(async loop =>
    {
        Prerequisite.Program("nginx");
        (string certificate, string key, string root) = Files("server", TlsBench.ServerUri);
        NetAddress server = FreeAddress(loop);
        string file = Path.Combine(_directory, "nginx.conf");
        await File.WriteAllTextAsync(file, string.Create(CultureInfo.InvariantCulture, $$"""
            daemon off; master_process off; pid {{_directory}}/nginx.pid; error_log stderr;
            events { worker_connections 64; }
            http {
              access_log off; client_body_temp_path {{_directory}}/b; proxy_temp_path {{_directory}}/p;
              fastcgi_temp_path {{_directory}}/f; uwsgi_temp_path {{_directory}}/u; scgi_temp_path {{_directory}}/s;
              server {
                listen 127.0.0.1:{{server.Port}} ssl; ssl_certificate {{certificate}}; ssl_certificate_key {{key}};
                ssl_client_certificate {{root}}; ssl_verify_client on;
                location / { return 200 "$ssl_client_verify $ssl_server_name"; }
              }
            }
            """));
        Start("nginx", "-e", "stderr", "-p", _directory, "-c", file);
        await ListeningAsync(loop, server);
        string answer = await AskThroughAsync(loop, server, "GET / HTTP/1.0\r\n\r\n", "SUCCESS server.example");
        Assert.Contains("SUCCESS server.example", answer, StringComparison.Ordinal);
    });

    [Fact]
    public void SServer_OfTheMesh_IsReachedThroughACluster() => LoopRunner.Run(async loop =>
    {
        Prerequisite.Program("openssl");
        (string certificate, string key, string root) = Files("server", TlsBench.ServerUri);
        NetAddress server = FreeAddress(loop);
        Start("openssl", "s_server", "-accept", server.ToString(), "-cert", certificate, "-key", key, "-CAfile", root, "-Verify", "1", "-rev", "-quiet");
        await ListeningAsync(loop, server);
        Assert.Contains("olleh", await AskThroughAsync(loop, server, "hello\n", "olleh"), StringComparison.Ordinal);
    });

    /// <summary>Through a plaintext listener to the server over mTLS, until the wanted text came.</summary>
    private static async Task<string> AskThroughAsync(EventLoop loop, NetAddress server, string request, string wanted)
    {
        var bench = new TlsBench(loop);
        Cluster cluster = TransportFixture.StaticCluster("foreign", server);
        cluster.TransportSocket = TlsMessages.Socket(new UpstreamTlsContext
        {
            Sni = "server.example",
            CommonTlsContext = new CommonTlsContext
            {
                TlsParams = new TlsParameters { TlsMaximumProtocolVersion = TlsParameters.Types.TlsProtocol.Tlsv13 },
                TlsCertificates = { TlsMessages.Certificate(TlsBench.Mesh.Leaf(TlsBench.ClientUri)) },
                ValidationContext = new CertificateValidationContext
                {
                    TrustedCa = TlsMessages.Text(TlsBench.Mesh.RootPem),
                    MatchTypedSubjectAltNames =
                    {
                        new SubjectAltNameMatcher
                        {
                            SanType = SubjectAltNameMatcher.Types.SanType.Uri,
                            Matcher = new Envoy.Type.Matcher.V3.StringMatcher { Exact = TlsBench.ServerUri },
                        },
                    },
                },
            },
        });
        Assert.Empty(bench.Fixture.Apply(cluster));
        NetAddress front = bench.Apply(TlsMessages.Listener("l", TransportFixture.Chain("p", "foreign")));
        SocketStream client = await TestPeers.ConnectAsync(loop, front);
        await client.SendAsync(System.Text.Encoding.ASCII.GetBytes(request));
        string answer = "";
        string part;
        while (!answer.Contains(wanted, StringComparison.Ordinal) && (part = await TestPeers.ReceiveTextAsync(client, 1)).Length > 0)
        {
            answer += part;
        }

        client.Close();
        Assert.Equal(1, bench.ClusterStat("foreign", "ssl.handshake"));
        return answer;
    }

    private static NetAddress FreeAddress(EventLoop loop)
    {
        ListenSocket probe = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        NetAddress address = probe.LocalAddress;
        probe.Close();
        return address;
    }

    private static async Task ListeningAsync(EventLoop loop, NetAddress address)
    {
        while (true)
        {
            SocketStream probe = SocketStream.Create(loop);
            bool connected = await probe.ConnectAsync(address) == Runtime.Streams.IoError.None;
            probe.Close();
            if (connected)
            {
                return;
            }

            await loop.DelayAsync(10);
        }
    }

    private (string Certificate, string Key, string Root) Files(string name, string uri)
    {
        (string chain, string pemKey) = TlsBench.Mesh.Leaf(uri);
        (string certificate, string key, string root) = (Path.Combine(_directory, name + ".pem"), Path.Combine(_directory, name + ".key"), Path.Combine(_directory, "root.pem"));
        File.WriteAllText(certificate, chain + "\n");
        File.WriteAllText(key, pemKey + "\n");
        File.WriteAllText(root, TlsBench.Mesh.RootPem + "\n");
        return (certificate, key, root);
    }

    private void Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        Process process = Process.Start(start)!;
        _processes.Add(process);
        _ = process.StandardOutput.ReadToEndAsync();
        _ = process.StandardError.ReadToEndAsync();
    }

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await errors;
        await process.WaitForExitAsync();
        return output;
    }
}
