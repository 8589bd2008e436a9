using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Tls;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;
using Policy = Envoy.Extensions.TransportSockets.Tls.V3.DownstreamTlsContext.Types.OcspStaplePolicy;

namespace Pilotfish.Proxy.Tests.Tls;

/// <summary>Envoy's rules of certificate selection, case by case.</summary>
public sealed class CertificateChooserTests
{
    private static readonly DateTimeOffset s_now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TlsIdentity s_rsa = Named("a.example", rsaBits: 2048);
    private static readonly TlsIdentity s_p256 = Named("a.example");
    private static readonly TlsIdentity s_p384 = Named("a.example", ECCurve.NamedCurves.nistP384);
    private static readonly TlsIdentity s_other = Named("other.example");
    private static readonly TlsIdentity s_wildcard = Named("*.example");

    [Theory]
    [InlineData(EcdsaCurves.P256, "p256")]
    [InlineData(EcdsaCurves.P384, "p384")]
    [InlineData(EcdsaCurves.P521, "rsa")]
    [InlineData(EcdsaCurves.None, "rsa")]
    public void Key_IsOneThatTheClientCanVerify(EcdsaCurves curves, string chosen)
    {
        TlsIdentity expected = chosen switch { "p256" => s_p256, "p384" => s_p384, _ => s_rsa };
        Assert.Same(expected, Chooser(false, s_rsa, s_p384, s_p256).Choose(Hello("a.example", curves), s_now).Identity);
    }

    [Theory]
    [InlineData("a.example", true, "exact")]
    [InlineData("A.EXAMPLE", true, "exact")]
    [InlineData("b.example", true, "wildcard")]
    [InlineData("c.b.example", false, "first")]
    [InlineData("example", false, "first")]
    [InlineData(null, false, "first")]
    public void Name_ExactThenWildcardThenTheFirst(string? name, bool isNamed, string chosen)
    {
        TlsIdentity expected = chosen switch { "exact" => s_p256, "wildcard" => s_wildcard, _ => s_other };
        CertificateChoice choice = Chooser(false, s_other, s_wildcard, s_p256).Choose(Hello(name), s_now);
        Assert.Same(expected, choice.Identity);
        Assert.Equal(isNamed, choice.IsNamed);
    }

    [Theory]
    [InlineData(false, EcdsaCurves.None, "ec")]
    [InlineData(true, EcdsaCurves.None, "rsa")]
    [InlineData(true, EcdsaCurves.All, "ec")]
    public void Mismatch_FullScan_LooksForTheKindOfKey(bool fullScan, EcdsaCurves curves, string chosen)
    {
        CertificateChoice choice = Chooser(fullScan, s_other, s_rsa).Choose(Hello("nobody", curves), s_now);
        Assert.Same(chosen == "ec" ? s_other : s_rsa, choice.Identity);
        Assert.False(choice.IsNamed);
    }

    [Fact]
    public void Names_WithAnyAlternativeName_LeaveTheCommonNameOut()
    {
        (string chain, string key) = TlsBench.Mesh.Leaf("spiffe://cluster.local/ns/a/sa/b");
        Assert.False(new TlsIdentity(TlsCertificates.FromPem(chain, key)).Names("leaf"));
        (chain, key) = TlsBench.Mesh.CustomLeaf(static _ => { });
        Assert.True(new TlsIdentity(TlsCertificates.FromPem(chain, key)).Names("leaf"));
    }

    /// <summary>Rows: policy, response (none, good, old), must-staple certificate, and what a client that asks meets.</summary>
    [Theory]
    [InlineData(Policy.LenientStapling, null, false, "Omit")]
    [InlineData(Policy.LenientStapling, true, false, "Staple")]
    [InlineData(Policy.LenientStapling, false, false, "Omit")]
    [InlineData(Policy.StrictStapling, null, false, "Omit")]
    [InlineData(Policy.StrictStapling, true, false, "Staple")]
    [InlineData(Policy.StrictStapling, false, false, "Fail")]
    [InlineData(Policy.MustStaple, null, false, "Fail")]
    [InlineData(Policy.MustStaple, true, false, "Staple")]
    [InlineData(Policy.MustStaple, false, false, "Fail")]
    [InlineData(Policy.LenientStapling, true, true, "Staple")]
    [InlineData(Policy.LenientStapling, false, true, "Fail")]
    public void Staple_ByPolicy(Policy policy, bool? isGood, bool mustStaple, string expected)
    {
        TlsIdentity identity = Stapled(isGood is { } good ? s_now.AddDays(good ? 1 : -1) : null, mustStaple);
        Assert.Equal(mustStaple, identity.MustStaple);
        var chooser = new CertificateChooser([Slot(identity)], policy: policy);
        Assert.Equal(expected, chooser.Choose(Hello("a.example", asks: true), s_now).Action.ToString());
        Assert.Equal(StapleAction.NotAsked, chooser.Choose(Hello("a.example", asks: false), s_now).Action);
    }

    [Fact]
    public void Staple_OutOfDate_GivesWayToAnotherCertificateOfTheName()
    {
        TlsIdentity old = Stapled(s_now.AddDays(-1), mustStaple: false);
        TlsIdentity good = Stapled(s_now.AddDays(1), mustStaple: false);
        var chooser = new CertificateChooser([Slot(old), Slot(good)], policy: Policy.StrictStapling);
        Assert.Same(good, chooser.Choose(Hello("a.example", asks: true), s_now).Identity);
        Assert.Same(old, chooser.Choose(Hello("a.example", asks: false), s_now).Identity);
    }

    [Fact]
    public void Slots_WithoutSecrets_ArePassedOver()
    {
        Assert.Null(new CertificateChooser([]).Choose(Hello("a.example"), s_now).Identity);
        Assert.Same(s_p256, new CertificateChooser([new CertificateSlot(), Slot(s_p256)]).Choose(Hello("a.example"), s_now).Identity);
    }

    private static CertificateChooser Chooser(bool fullScan, params TlsIdentity[] identities) => new([.. identities.Select(Slot)], fullScan);

    private static CertificateSlot Slot(TlsIdentity identity)
    {
        var slot = new CertificateSlot();
        slot.Set(identity);
        return slot;
    }

    private static TlsClientHello Hello(string? name, EcdsaCurves curves = EcdsaCurves.All, bool asks = false) =>
        new() { ServerName = name, ApplicationProtocols = [], EcdsaCurves = curves, AsksForStaple = asks };

    private static TlsIdentity Named(string name, ECCurve? curve = null, int rsaBits = 0)
    {
        (string chain, string key) = TlsBench.Mesh.CustomLeaf(request => request.CertificateExtensions.Add(San(name)), curve, rsaBits);
        return new TlsIdentity(TlsCertificates.FromPem(chain, key));
    }

    private static TlsIdentity Stapled(DateTimeOffset? nextUpdate, bool mustStaple)
    {
        (string chain, string key) = TlsBench.Mesh.CustomLeaf(request =>
        {
            request.CertificateExtensions.Add(San("a.example"));
            if (mustStaple)
            {
                request.CertificateExtensions.Add(new X509Extension("1.3.6.1.5.5.7.1.24", [0x30, 3, 2, 1, 5], critical: false));
            }
        });
        System.Net.Security.SslStreamCertificateContext context = TlsCertificates.FromPem(chain, key);
        return new TlsIdentity(context, nextUpdate is { } until ? OcspStaple.Parse(TestOcsp.Response(context.TargetCertificate, until)) : null);
    }

    private static X509Extension San(string name)
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        return names.Build();
    }
}
