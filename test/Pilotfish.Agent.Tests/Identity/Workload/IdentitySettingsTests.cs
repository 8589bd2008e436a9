using Pilotfish.Agent.Bootstrap;
using Pilotfish.Agent.Discovery;
using Pilotfish.Agent.Identity;
using Pilotfish.Agent.Identity.Workload;

namespace Pilotfish.Agent.Tests.Identity.Workload;

/// <summary>What Istio's variables mean for the identity and for the way to the authority.</summary>
public sealed class IdentitySettingsTests
{
    private const string Discovery = "istiod.istio-system.svc:15012";

    [Fact]
    public void Defaults_AreIstios()
    {
        IdentityOptions options = Read();

        Assert.Equal("spiffe://cluster.local/ns//sa/", options.Identity.ToString());
        Assert.Equal((TimeSpan.FromHours(24), 0.5, 0.01), (options.Lifetime, options.GraceRatio, options.GraceRatioJitter));
        Assert.Equal((KeyKind.Rsa, 2048, false), (options.Key.Kind, options.Key.RsaBits, options.Key.IsPkcs8));
        Assert.Equal(("", "", false, false), (options.Signer, options.OutputDirectory, options.SharesOutput, options.UsesFilesOnly));
        Assert.Null(options.Problem);
    }

    [Fact]
    public void Variables_ChangeThem()
    {
        IdentityOptions options = Read(
            "TRUST_DOMAIN=td", "POD_NAMESPACE=a", "SERVICE_ACCOUNT=b", "SECRET_TTL=1h30m", "SECRET_GRACE_PERIOD_RATIO=0.2",
            "SECRET_GRACE_PERIOD_RATIO_JITTER=0", "ISTIO_META_CERT_SIGNER=signer", "OUTPUT_CERTS=/out", "KUBERNETES_SERVICE_HOST=10.0.0.1",
            "ECC_SIGNATURE_ALGORITHM=ECDSA", "ECC_CURVE=P384", "PKCS8_KEY=true");

        Assert.Equal("spiffe://td/ns/a/sa/b", options.Identity.ToString());
        Assert.Equal((TimeSpan.FromMinutes(90), 0.2, 0.0), (options.Lifetime, options.GraceRatio, options.GraceRatioJitter));
        Assert.Equal((KeyKind.EcdsaP384, true), (options.Key.Kind, options.Key.IsPkcs8));
        Assert.Equal(("signer", "/out", true), (options.Signer, options.OutputDirectory, options.SharesOutput));
    }

    [Theory]
    [InlineData("SECRET_TTL=0s")]
    [InlineData("SECRET_TTL=-3h")]
    [InlineData("SECRET_TTL=soon")]
    public void LifeOfNothing_IsADay(string variable) => Assert.Equal(TimeSpan.FromHours(24), Read(variable).Lifetime);

    [Theory]
    [InlineData("WORKLOAD_RSA_KEY_SIZE=1024", "WORKLOAD_RSA_KEY_SIZE is 1024; it must be from 2048 to 8192.")]
    [InlineData("WORKLOAD_RSA_KEY_SIZE=100000", "WORKLOAD_RSA_KEY_SIZE is 100000; it must be from 2048 to 8192.")]
    [InlineData("ECC_SIGNATURE_ALGORITHM=ED25519", "ECC_SIGNATURE_ALGORITHM is 'ED25519'; only 'ECDSA' is known, and without it the key is RSA.")]
    [InlineData("TRUST_DOMAIN=über", "The identity 'spiffe://über/ns//sa/' has characters that no certificate can hold.")]
    public void SettingsWithoutACertificate_AreNamed(string variable, string problem) => Assert.Equal(problem, Read(variable).Problem);

    [Theory]
    [InlineData("another server", true)]
    [InlineData("FILE_MOUNTED_CERTS=true", false)]
    [InlineData("CA_PROVIDER=GkeWorkloadCertificate", false)]
    public void Files_AndAnotherServer_NeedNoAuthority(string variable, bool isServedByAnother) =>
        Assert.True(IdentityOptions.Read(Environment(isServedByAnother ? "CA_PROVIDER=GoogleCA" : variable), Discovery, isServedByAnother).UsesFilesOnly);

    [Theory]
    [InlineData("CA_PROVIDER=GoogleCA", Discovery, "CA provider \"GoogleCA\" not registered")]
    [InlineData("CA_PROVIDER=", "meshca.googleapis.com:443", "CA provider \"GoogleCA\" not registered")]
    [InlineData("PROV_CERT=/a FILE_MOUNTED_CERTS=true", Discovery, "PROV_CERT and FILE_MOUNTED_CERTS are mutually exclusive")]
    [InlineData("PROV_CERT=/a CA_PROVIDER=GkeWorkloadCertificate", Discovery, "GKE workload cert are mutually exclusive")]
    [InlineData("CREDENTIAL_FETCHER_TYPE=GoogleComputeEngine", Discovery, "CREDENTIAL_FETCHER_TYPE is 'GoogleComputeEngine'")]
    public void SettingsThatCannotWork_EndTheStart(string variables, string address, string problem)
    {
        AgentConfigException e = Assert.Throws<AgentConfigException>(() => IdentityOptions.Read(Environment(variables.Split(' ')), address, false));
        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Authority_IsTheControlPlane_UnlessAnotherIsNamed()
    {
        DiscoveryTarget own = AuthorityTarget.Of(Discovery, Environment("ISTIOD_SAN=other", "CA_HEADER_X_Team=a", "XDS_HEADER_Y=b", "ISTIO_META_CLUSTER_ID=east"));
        DiscoveryTarget named = AuthorityTarget.Of("localhost:15010", Environment("CA_ADDR=ca.test:443", "ISTIOD_SAN=other", "XDS_ROOT_CA=/xds.pem"));

        Assert.Equal((Discovery, "other", "east", true), (own.Address, own.ServerName, own.ClusterId, own.IsTls));
        Assert.Equal(new KeyValuePair<string, string>("x_team", "a"), Assert.Single(own.ExtraHeaders));
        Assert.Equal(("ca.test:443", "ca.test", true), (named.Address, named.ServerName, named.IsTls));
        Assert.Equal("./var/run/secrets/istio/root-cert.pem", named.RootFile);
        Assert.Null(named.Certificate);
        Assert.False(AuthorityTarget.Of("a:15010", Environment()).IsTls);
        Assert.Equal("istiod.istio-system.svc", AuthorityTarget.Of("localhost:15012", Environment()).ServerName);
    }

    [Theory]
    [InlineData("CA_ROOT_CA=SYSTEM PROV_CERT=/vm", "SYSTEM")]
    [InlineData("CA_ROOT_CA=/ca.pem", "/ca.pem")]
    [InlineData("PILOT_CERT_PROVIDER=custom PROV_CERT=/vm", "./etc/certs/root-cert.pem")]
    [InlineData("PROV_CERT=/vm", "/vm/root-cert.pem")]
    [InlineData("PILOT_CERT_PROVIDER=istiod", "./var/run/secrets/istio/root-cert.pem")]
    public void RootOfTheAuthority_IsFoundInIstiosOrder(string variables, string file) =>
        Assert.Equal(file, AuthorityTarget.Of(Discovery, Environment(variables.Split(' '))).RootFile);

    [Fact]
    public void AuthorityWithoutARoot_EndsTheStart()
    {
        AgentEnvironment environment = Environment("PILOT_CERT_PROVIDER=none");
        Assert.Throws<AgentConfigException>(() => AuthorityTarget.Of(Discovery, environment));
        Assert.Equal("", AuthorityTarget.Of("a:15010", environment).RootFile);
    }

    [Fact]
    public void FilesOfAForeignAuthority_AreShownToTheControlPlane()
    {
        AgentEnvironment environment = Environment(
            "FILE_MOUNTED_CERTS=true", "ISTIO_META_TLS_CLIENT_ROOT_CERT=/r", "ISTIO_META_TLS_CLIENT_CERT_CHAIN=/c", "ISTIO_META_TLS_CLIENT_KEY=/k");
        DiscoveryTarget target = DiscoveryTarget.Of(Discovery, environment);
        Assert.Equal(("/r", ("/c", "/k")), (target.RootFile, target.Certificate!.Value));
    }

    [Fact]
    public void PlaceThatIsWrittenTo_IsNoMountedCertificate()
    {
        SecretPaths paths = SecretPaths.Default;
        Assert.Same(paths, paths.Without(""));
        Assert.Equal(paths.Mounted.Count - 1, paths.Without("./etc/certs/").Mounted.Count);
        Assert.Equal(paths.Mounted.Count, paths.Without("/elsewhere").Mounted.Count);
    }

    private static IdentityOptions Read(params string[] variables) => IdentityOptions.Read(Environment(variables), Discovery, isServedByAnother: false);

    private static AgentEnvironment Environment(params string[] variables) =>
        new(variables.Select(v => v.Split('=', 2)).ToDictionary(v => v[0], v => v[1]));
}
