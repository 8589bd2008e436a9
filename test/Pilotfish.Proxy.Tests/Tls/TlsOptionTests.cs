using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;
using Policy = Envoy.Extensions.TransportSockets.Tls.V3.DownstreamTlsContext.Types.OcspStaplePolicy;

namespace Pilotfish.Proxy.Tests.Tls;

/// <summary>Options of DownstreamTlsContext and of what both sides have in common, from the message to the handshake and its counters.</summary>
public sealed class TlsOptionTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("pilotfish-tls-options").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void RequireSni_NoNameOrAForeignOne_IsRefusedWithUnrecognizedName() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        DownstreamTlsContext tls = Server("a.example");
        tls.RequireSni = true;
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls)));
        Assert.True(await bench.EchoesAsync(address, new TlsClientOptions { ServerName = "a.example" }));
        foreach (string name in (string[])["", "b.example"])
        {
            TlsHandshake refused = await bench.ShakeHandsAsync(address, new TlsClientOptions { ServerName = name });
            Assert.Null(refused.Stream);
            Assert.True(!TlsEngines.HeedsParameters || refused.Failure!.Contains("TLSV1_ALERT_UNRECOGNIZED_NAME", StringComparison.Ordinal), refused.Failure);
        }

        Assert.Equal(1, bench.Stat("l", "ssl.handshake"));
        Assert.Equal(2, bench.Stat("l", "ssl.connection_error"));
    });

    [Fact]
    public void SessionTimeout_OutOfRange_IsRefusedByField() => LoopRunner.Run(loop =>
    {
        var bench = new TlsBench(loop);
        DownstreamTlsContext tls = Server("a.example");
        tls.SessionTimeout = new Duration { Seconds = -1 };
        Assert.Contains("session_timeout", bench.Refusal(tls), StringComparison.Ordinal);
        tls.SessionTimeout.Seconds = 1L << 32;
        Assert.Contains("session_timeout", bench.Refusal(tls), StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Theory]
    [InlineData(false, false, true)]
    [InlineData(true, false, true)]
    [InlineData(false, true, true)]
    [InlineData(true, true, false)]
    public void Resumption_OfTls12_NeedsTicketsOrState(bool stateless, bool stateful, bool resumes) => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        DownstreamTlsContext tls = Server("a.example");
        tls.DisableStatelessSessionResumption = stateless;
        tls.DisableStatefulSessionResumption = stateful;
        tls.SessionTimeout = Duration.FromTimeSpan(TimeSpan.FromMinutes(5));
        tls.CommonTlsContext.TlsParams = new TlsParameters { TlsMaximumProtocolVersion = TlsParameters.Types.TlsProtocol.Tlsv12 };
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls)));
        var client = new TlsClientOptions { ServerName = "a.example", SessionsMax = 4, SessionScope = new object() };
        Assert.True(await bench.EchoesAsync(address, client));
        Assert.True(await bench.EchoesAsync(address, client));

        // SslStream, which resumes by ticket alone, says so.
        bool expected = resumes && (TlsEngines.HeedsParameters || !stateless);
        Assert.Equal(expected ? 1 : 0, bench.Stat("l", "ssl.session_reused"));
        Assert.Equal(
            stateful && !TlsEngines.HeedsParameters,
            bench.Fixture.Context.Warnings.Remarks.Any(static w => w.Contains("disable_stateful_session_resumption", StringComparison.Ordinal)));
    });

    [Fact]
    public void Fips_NarrowsSuitesCurvesAndSignatures_OrIsRefused() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        DownstreamTlsContext tls = Server("a.example");
        tls.CommonTlsContext.TlsParams = new TlsParameters
        {
            CompliancePolicies = { TlsParameters.Types.CompliancePolicy.Fips202205 }, EcdhCurves = { "X25519" },
            CipherSuites = { "ECDHE-ECDSA-CHACHA20-POLY1305" },
        };
        if (!TlsEngines.HeedsParameters)
        {
            Assert.Contains("compliance_policies", bench.Refusal(tls), StringComparison.Ordinal);
            return;
        }

        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls)));
        Assert.True(await bench.EchoesAsync(address, new TlsClientOptions { ServerName = "a.example" }));
        Assert.Equal(1, bench.Stat("l", "ssl.curves.P-256"));
        Assert.Null((await bench.ShakeHandsAsync(address, new TlsClientOptions { Groups = ["X25519"] })).Stream);
        tls.CommonTlsContext.TlsParams.CompliancePolicies.Add(TlsParameters.Types.CompliancePolicy.Fips202205);
        Assert.Contains("at most one policy", bench.Refusal(tls), StringComparison.Ordinal);
        tls.CommonTlsContext.TlsParams.CompliancePolicies.Clear();
        tls.CommonTlsContext.TlsParams.CompliancePolicies.Add((TlsParameters.Types.CompliancePolicy)9);
        Assert.Contains("9 is no known policy", bench.Refusal(tls), StringComparison.Ordinal);
    });

    [Fact]
    public void Ocsp_PoliciesAndResponses_AreJudgedAtOnce() => LoopRunner.Run(loop =>
    {
        var bench = new TlsBench(loop);
        DownstreamTlsContext tls = Server("a.example");
        tls.OcspStaplePolicy = Policy.MustStaple;
        Assert.Contains(
            TlsEngines.HeedsParameters ? "ocsp_staple_policy demands an OCSP response" : "needs OCSP stapling, which SslStream has not",
            bench.Refusal(tls), StringComparison.Ordinal);
        tls.OcspStaplePolicy = (Policy)7;
        Assert.Contains("ocsp_staple_policy: 7", bench.Refusal(tls), StringComparison.Ordinal);
        tls.OcspStaplePolicy = Policy.LenientStapling;
        TlsCertificate certificate = tls.CommonTlsContext.TlsCertificates[0];
        certificate.OcspStaple = TlsMessages.Text("response");
        Assert.Contains("tls_certificates[0].ocsp_staple: an OCSP response is DER", bench.Refusal(tls), StringComparison.Ordinal);
        if (TlsEngines.HeedsParameters)
        {
            certificate.OcspStaple = new DataSource { InlineBytes = ByteString.CopyFromUtf8("response") };
            Assert.Contains("tls_certificates[0].ocsp_staple: the OCSP response is malformed", bench.Refusal(tls), StringComparison.Ordinal);
            certificate.OcspStaple.InlineBytes = ByteString.CopyFrom(TestOcsp.Response(
                TlsBench.Mesh.Identity(TlsBench.ClientUri).TargetCertificate, DateTimeOffset.UtcNow.AddDays(1)));
            Assert.Contains("does not match its TLS certificate", bench.Refusal(tls), StringComparison.Ordinal);
        }

        return Task.CompletedTask;
    });

    [Fact]
    public void WhatPilotfishHasNot_IsRefusedByField() => LoopRunner.Run(loop =>
    {
        var bench = new TlsBench(loop);
        DownstreamTlsContext tls = Server("a.example");
        tls.CommonTlsContext.CustomHandshaker = new TypedExtensionConfig { Name = "h" };
        Assert.Contains("custom_handshaker", bench.Refusal(tls), StringComparison.Ordinal);

        tls = TlsBench.Mutual(new CertificateValidationContext { RequireSignedCertificateTimestamp = true });
        Assert.Contains("require_signed_certificate_timestamp", bench.Refusal(tls), StringComparison.Ordinal);
        tls = TlsBench.Mutual(new CertificateValidationContext { CaCertificateProviderInstance = new() { InstanceName = "p" } });
        Assert.Contains("ca_certificate_provider_instance", bench.Refusal(tls), StringComparison.Ordinal);

        tls = Server("a.example");
        tls.SessionTicketKeysSdsSecretConfig = new SdsSecretConfig { Name = "absent" };
        Assert.Contains("session_ticket_keys_sds_secret_config", bench.Refusal(tls), StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void Certificate_FieldsThatExcludeEachOtherOrAreWeak_AreRefused() => LoopRunner.Run(loop =>
    {
        var bench = new TlsBench(loop);
        DownstreamTlsContext tls = Server("a.example");
        TlsCertificate certificate = tls.CommonTlsContext.TlsCertificates[0];
        certificate.Pkcs12 = new DataSource { InlineBytes = ByteString.CopyFromUtf8("x") };
        Assert.Contains("tls_certificates[0].pkcs12", bench.Refusal(tls), StringComparison.Ordinal);
        certificate.Pkcs12 = null;
        certificate.WatchedDirectory = new WatchedDirectory();
        Assert.Contains("tls_certificates[0].watched_directory.path", bench.Refusal(tls), StringComparison.Ordinal);
        certificate.WatchedDirectory = null;
        certificate.PrivateKeyProvider = new PrivateKeyProvider { ProviderName = "hsm" };
        Assert.Contains("tls_certificates[0].private_key_provider", bench.Refusal(tls), StringComparison.Ordinal);
        tls.CommonTlsContext.TlsCertificates[0] = TlsMessages.Certificate(TlsBench.Mesh.CustomLeaf(static _ => { }, rsaBits: 1024));
        Assert.Contains("2048-bit or larger", bench.Refusal(tls), StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void Pkcs12_WithAPasswordFromAFile_Serves() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        string password = Path.Combine(_directory, "password");
        await File.WriteAllTextAsync(password, "open sesame");
        (string chain, string key) = TlsBench.Mesh.DnsLeaf("p12.example");
        using var leaf = System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPem(chain, key);
        byte[] bundle = leaf.Export(System.Security.Cryptography.X509Certificates.X509ContentType.Pkcs12, "open sesame");
        DownstreamTlsContext tls = Server("a.example");
        tls.CommonTlsContext.TlsCertificates[0] = new TlsCertificate
        {
            Pkcs12 = new DataSource { InlineBytes = ByteString.CopyFrom(bundle) }, Password = new DataSource { Filename = password },
        };
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls)));
        TlsStream client = (await bench.ShakeHandsAsync(address, new TlsClientOptions { ServerName = "p12.example" })).Stream!;
        Assert.Equal(leaf.Thumbprint, client.Tls.PeerCertificate!.Thumbprint);
        client.Close();
        tls.CommonTlsContext.TlsCertificates[0].Password = TlsMessages.Text("wrong");
        Assert.Contains("the certificate and key cannot be used", bench.Refusal(tls), StringComparison.Ordinal);
    });

    [Theory]
    [InlineData("right", true)]
    [InlineData("wrong", false)]
    public void PrivateKey_Encrypted_OpensWithItsPassword(string password, bool serves) => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        (string chain, string key) = TlsBench.Mesh.DnsLeaf("a.example");
        using var ecdsa = System.Security.Cryptography.ECDsa.Create();
        ecdsa.ImportFromPem(key);
        string encrypted = ecdsa.ExportEncryptedPkcs8PrivateKeyPem("right", new System.Security.Cryptography.PbeParameters(
            System.Security.Cryptography.PbeEncryptionAlgorithm.Aes256Cbc, System.Security.Cryptography.HashAlgorithmName.SHA256, 1000));
        DownstreamTlsContext tls = Server("a.example");
        tls.CommonTlsContext.TlsCertificates[0] = TlsMessages.Certificate((chain, encrypted));
        tls.CommonTlsContext.TlsCertificates[0].Password = TlsMessages.Text(password);
        if (serves)
        {
            NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls)));
            Assert.True(await bench.EchoesAsync(address, new TlsClientOptions { ServerName = "a.example" }));
        }
        else
        {
            Assert.Contains("the certificate and key cannot be used", bench.Refusal(tls), StringComparison.Ordinal);
        }
    });

    /// <summary>Inline certificates put SDS ones out of force, as in Envoy: nothing is subscribed to.</summary>
    [Fact]
    public void Certificates_InlineAndBySds_InlineCount() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        DownstreamTlsContext tls = Server("a.example");
        tls.CommonTlsContext.TlsCertificateSdsSecretConfigs.Add(TlsMessages.Sds("never"));
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls)));
        Assert.Empty(bench.Fixture.Subscriptions.Subscribers);
        Assert.True(await bench.EchoesAsync(address, new TlsClientOptions { ServerName = "a.example" }));
    });

    [Theory]
    [InlineData("127.0.0.0", true)]
    [InlineData("10.0.0.0", false)]
    public void KeyLog_OfChosenAddresses_HoldsTheirSecrets(string range, bool isWritten) => LoopRunner.Run(async loop =>
    {
        string path = Path.Combine(_directory, "keys.log");
        using var files = new AccessLogFiles(new FileWriterOptions());
        var bench = new TlsBench(loop, files);
        DownstreamTlsContext tls = Server("a.example");
        tls.CommonTlsContext.KeyLog = new TlsKeyLog
        {
            Path = path, RemoteAddressRange = { new CidrRange { AddressPrefix = range, PrefixLen = 8 } },
            LocalAddressRange = { new CidrRange { AddressPrefix = "127.0.0.1", PrefixLen = 32 } },
        };
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls)));
        Assert.True(await bench.EchoesAsync(address, new TlsClientOptions { ServerName = "a.example" }));
        files.Dispose();
        string written = File.Exists(path) ? await File.ReadAllTextAsync(path) : "";
        Assert.Equal(isWritten && TlsEngines.HeedsParameters, written.Contains("SERVER_TRAFFIC_SECRET_0 ", StringComparison.Ordinal));
        Assert.Equal(
            !TlsEngines.HeedsParameters,
            bench.Fixture.Context.Warnings.Remarks.Any(static w => w.Contains("key_log: SslStream tells no keys", StringComparison.Ordinal)));
        tls.CommonTlsContext.KeyLog.Path = "";
        Assert.Contains("key_log.path", bench.Refusal(tls), StringComparison.Ordinal);
        tls.CommonTlsContext.KeyLog.Path = path;
        tls.CommonTlsContext.KeyLog.LocalAddressRange[0].AddressPrefix = "nowhere";
        Assert.Contains("key_log.local_address_range[0].address_prefix", bench.Refusal(tls), StringComparison.Ordinal);
    });

    [Fact]
    public void AcceptUntrusted_ForeignClient_IsLetInAndCounted() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        DownstreamTlsContext tls = TlsBench.Mutual(new CertificateValidationContext
        {
            TrustChainVerification = CertificateValidationContext.Types.TrustChainVerification.AcceptUntrusted,
        });
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls)));
        var foreign = new TlsClientOptions { Certificate = new TestCertificates("evil").Identity(TlsBench.ClientUri) };
        Assert.True(await bench.EchoesAsync(address, foreign));
        Assert.Equal(1, bench.Stat("l", "ssl.handshake"));
        Assert.Equal(1, bench.Stat("l", "ssl.client_certificate_presented"));
        Assert.Equal(1, bench.Stat("l", "ssl.fail_verify_error"));
        Assert.Equal(TlsEngines.HeedsParameters ? 1 : 0, bench.Stat("l", "ssl.sigalgs.ecdsa_secp256r1_sha256"));
    });

    private static DownstreamTlsContext Server(string name) => new()
    {
        CommonTlsContext = new CommonTlsContext { TlsCertificates = { TlsMessages.Certificate(TlsBench.Mesh.DnsLeaf(name)) } },
    };
}
