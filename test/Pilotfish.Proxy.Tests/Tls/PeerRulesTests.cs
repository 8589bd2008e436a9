using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tls;
using Kind = Envoy.Extensions.TransportSockets.Tls.V3.SubjectAltNameMatcher.Types.SanType;

namespace Pilotfish.Proxy.Tests.Tls;

/// <summary>match_typed_subject_alt_names of every kind, and what is refused of a validation context.</summary>
public sealed class PeerRulesTests
{
    private const string PrincipalOid = "1.3.6.1.4.1.311.20.2.3";

    private static readonly X509Certificate2 s_leaf = Leaf(static writer => writer.WriteCharacterString(UniversalTagNumber.UTF8String, "user@corp"));

    [Theory]
    [InlineData(Kind.Dns, "web.example", true)]
    [InlineData(Kind.Dns, "a.wild.example", true)]
    [InlineData(Kind.Dns, "b.a.wild.example", false)]
    [InlineData(Kind.Dns, "spiffe://td/ns/a/sa/b", false)]
    [InlineData(Kind.Uri, "spiffe://td/ns/a/sa/b", true)]
    [InlineData(Kind.Email, "who@mail.example", true)]
    [InlineData(Kind.IpAddress, "10.1.2.3", true)]
    [InlineData(Kind.IpAddress, "2001:db8::1", true)]
    [InlineData(Kind.IpAddress, "10.1.2.4", false)]
    [InlineData(Kind.OtherName, "user@corp", true)]
    [InlineData(Kind.OtherName, "web.example", false)]
    public void Name_OfItsKind_Exactly(Kind kind, string text, bool passes) =>
        Assert.Equal(passes, Passes(s_leaf, Matcher(kind, new StringMatcher { Exact = text }, PrincipalOid)));

    [Fact]
    public void Name_ByOtherPatterns_LooksAtTheTextAlone()
    {
        Assert.True(Passes(s_leaf, Matcher(Kind.Uri, new StringMatcher { Prefix = "spiffe://td/" })));
        Assert.True(Passes(s_leaf, Matcher(Kind.Dns, new StringMatcher { Suffix = ".example" })));
        Assert.True(Passes(s_leaf, Matcher(Kind.Email, new StringMatcher { Contains = "@mail" })));
        Assert.True(Passes(s_leaf, Matcher(Kind.Uri, new StringMatcher { SafeRegex = new RegexMatcher { Regex = "spiffe://td/ns/[a-z]/sa/.*" } })));

        // A prefix meets the wildcard's own text.
        Assert.True(Passes(s_leaf, Matcher(Kind.Dns, new StringMatcher { Prefix = "*.wild" })));
    }

    [Theory]
    [InlineData(UniversalTagNumber.Integer, "-77")]
    [InlineData(UniversalTagNumber.Boolean, "true")]
    [InlineData(UniversalTagNumber.ObjectIdentifier, "1.2.3.4")]
    [InlineData(UniversalTagNumber.Null, "")]
    [InlineData(UniversalTagNumber.Enumerated, "5")]
    [InlineData(UniversalTagNumber.BMPString, "wide")]
    public void OtherName_OfEachType_HasEnvoysText(UniversalTagNumber type, string text)
    {
        X509Certificate2 leaf = Leaf(writer =>
        {
            switch (type)
            {
                case UniversalTagNumber.Integer:
                    writer.WriteInteger(-77);
                    break;
                case UniversalTagNumber.Boolean:
                    writer.WriteBoolean(true);
                    break;
                case UniversalTagNumber.ObjectIdentifier:
                    writer.WriteObjectIdentifier("1.2.3.4");
                    break;
                case UniversalTagNumber.Null:
                    writer.WriteNull();
                    break;
                case UniversalTagNumber.Enumerated:
                    writer.WriteEncodedValue([0x0A, 1, 5]);
                    break;
                default:
                    writer.WriteCharacterString(type, "wide");
                    break;
            }
        });
        Assert.Equal(text, Assert.Single(SubjectAltNames.Read(leaf), static name => name.Kind == SubjectAltNameKind.OtherName).Name);
        if (text.Length > 0)
        {
            Assert.True(Passes(leaf, Matcher(Kind.OtherName, new StringMatcher { Exact = text }, PrincipalOid)));
        }
    }

    [Fact]
    public void OtherName_OfAnotherOid_DoesNotCount() =>
        Assert.False(Passes(s_leaf, Matcher(Kind.OtherName, new StringMatcher { Exact = "user@corp" }, "1.2.3")));

    [Fact]
    public void UntypedMatchers_CountOnlyWithoutTypedOnes()
    {
        var context = new CertificateValidationContext { MatchSubjectAltNames = { new StringMatcher { Exact = "who@mail.example" } } };
        Assert.Null(PeerRules.Compile(context, "v").Check(s_leaf));
        context.MatchTypedSubjectAltNames.Add(Matcher(Kind.Dns, new StringMatcher { Exact = "nobody" }));
        Assert.NotNull(PeerRules.Compile(context, "v").Check(s_leaf));
    }

    [Fact]
    public void Spiffe_MatchesUrisAlone()
    {
        CertificateValidationContext Context(params SubjectAltNameMatcher[] matchers) => new()
        {
            CustomValidatorConfig = new TypedExtensionConfig { Name = "envoy.tls.cert_validator.spiffe", TypedConfig = new Any() },
            MatchTypedSubjectAltNames = { matchers },
        };
        Assert.Null(PeerRules.Compile(Context(Matcher(Kind.Dns, new StringMatcher { Exact = "nobody" })), "v").Check(s_leaf));
        Assert.NotNull(PeerRules.Compile(Context(Matcher(Kind.Uri, new StringMatcher { Exact = "spiffe://td/other" })), "v").Check(s_leaf));
    }

    [Fact]
    public void Fields_OutOfRange_AreRefusedByName()
    {
        Refused(".san_type", new CertificateValidationContext
        {
            MatchTypedSubjectAltNames = { Matcher(Kind.Unspecified, new StringMatcher { Exact = "x" }) },
        });
        Refused(".matcher", new CertificateValidationContext { MatchTypedSubjectAltNames = { new SubjectAltNameMatcher { SanType = Kind.Dns } } });
        Refused(".oid", new CertificateValidationContext
        {
            MatchTypedSubjectAltNames = { Matcher(Kind.OtherName, new StringMatcher { Exact = "x" }) },
        });
        Refused(".oid", new CertificateValidationContext
        {
            MatchTypedSubjectAltNames = { Matcher(Kind.OtherName, new StringMatcher { Exact = "x" }, "one.two") },
        });
        Refused("max_verify_depth", new CertificateValidationContext { MaxVerifyDepth = 101 });
        Refused("watched_directory.path", new CertificateValidationContext { WatchedDirectory = new WatchedDirectory() });
        Refused("verify_certificate_hash", new CertificateValidationContext { VerifyCertificateHash = { "abc" } });
        Refused("verify_certificate_spki", new CertificateValidationContext { VerifyCertificateSpki = { "abc" } });
    }

    /// <summary>The field counts the anchor: 1 allows leaf and root.</summary>
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    public void Depth_CountsTheAnchor(uint configured, int intermediates) =>
        Assert.Equal(intermediates, ValidationCompiler.Compile(new CertificateValidationContext { MaxVerifyDepth = configured }, "v").DepthMax);

    private static void Refused(string field, CertificateValidationContext context) =>
        Assert.Contains(field, Assert.Throws<ConfigRejectedException>(() => ValidationCompiler.CheckFields(context, "v")).Message, StringComparison.Ordinal);

    private static bool Passes(X509Certificate2 leaf, SubjectAltNameMatcher matcher) =>
        PeerRules.Compile(new CertificateValidationContext { MatchTypedSubjectAltNames = { matcher } }, "v").Check(leaf) is null;

    private static SubjectAltNameMatcher Matcher(Kind kind, StringMatcher matcher, string oid = "") =>
        new() { SanType = kind, Matcher = matcher, Oid = oid };

    private static X509Certificate2 Leaf(Action<AsnWriter> writeOther)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
            {
                writer.WriteObjectIdentifier(PrincipalOid);
                using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
                {
                    writeOther(writer);
                }
            }

            Text(1, "who@mail.example");
            Text(2, "web.example");
            Text(2, "*.wild.example");
            Text(6, "spiffe://td/ns/a/sa/b");
            writer.WriteOctetString([10, 1, 2, 3], new Asn1Tag(TagClass.ContextSpecific, 7));
            writer.WriteOctetString(System.Net.IPAddress.Parse("2001:db8::1").GetAddressBytes(), new Asn1Tag(TagClass.ContextSpecific, 7));
        }

        byte[] names = writer.Encode();
        (string chain, _) = TlsBench.Mesh.CustomLeaf(request => request.CertificateExtensions.Add(new X509Extension("2.5.29.17", names, critical: false)));
        return X509Certificate2.CreateFromPem(chain);

        void Text(int tag, string text) =>
            writer.WriteCharacterString(UniversalTagNumber.IA5String, text, new Asn1Tag(TagClass.ContextSpecific, tag));
    }
}
