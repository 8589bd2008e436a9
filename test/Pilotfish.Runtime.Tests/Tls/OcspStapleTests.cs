using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Tls;

public sealed class OcspStapleTests
{
    private static readonly TestCertificates s_mesh = new();
    private static readonly X509Certificate2 s_leaf = s_mesh.Identity("spiffe://cluster.local/ns/a/sa/server").TargetCertificate;

    [Fact]
    public void Response_OfOneCertificate_TellsWhoseAndUntilWhen()
    {
        DateTimeOffset until = new(2030, 1, 2, 3, 4, 5, TimeSpan.Zero);
        var staple = OcspStaple.Parse(TestOcsp.Response(s_leaf, until));
        Assert.True(staple.IsOf(s_leaf));
        Assert.False(staple.IsOf(s_mesh.Identity("spiffe://cluster.local/ns/a/sa/other").TargetCertificate));
        Assert.Equal(until, staple.ValidUntil);
        Assert.True(staple.IsValid(until));
        Assert.False(staple.IsValid(until.AddSeconds(1)));
    }

    [Fact]
    public void Response_WithoutNextUpdate_IsOutOfDate() =>
        Assert.False(OcspStaple.Parse(TestOcsp.Response(s_leaf, null)).IsValid(DateTimeOffset.UtcNow));

    [Fact]
    public void Response_OfAnotherKind_SaysWhatIsWrong()
    {
        DateTimeOffset until = DateTimeOffset.UtcNow.AddDays(1);
        Assert.Contains("was not successful", FailureOf(TestOcsp.Response(s_leaf, until, status: 3)), StringComparison.Ordinal);
        Assert.Contains("one certificate only", FailureOf(TestOcsp.Response(s_leaf, until, answers: 2)), StringComparison.Ordinal);
        Assert.Contains("unknown type", FailureOf(TestOcsp.Response(s_leaf, until, type: "1.2.3")), StringComparison.Ordinal);
        Assert.Contains("malformed", FailureOf([.. TestOcsp.Response(s_leaf, until), 0]), StringComparison.Ordinal);
        Assert.Contains("malformed", FailureOf([]), StringComparison.Ordinal);
    }

    [Fact]
    public void Response_CutOrChangedAtAnyByte_IsReadOrRefused()
    {
        byte[] good = TestOcsp.Response(s_leaf, DateTimeOffset.UtcNow.AddDays(1));
        for (int i = 0; i < good.Length; i++)
        {
            Assert.Throws<CryptographicException>(() => OcspStaple.Parse(good[..i]));
            foreach (byte flip in (byte[])[1, 0x20, 0x80, 0xFF])
            {
                byte[] changed = [.. good];
                changed[i] ^= flip;
                Exception? thrown = Record.Exception(() => OcspStaple.Parse(changed));
                Assert.True(thrown is null or CryptographicException, $"byte {i}: {thrown}");
            }
        }
    }

    private static string FailureOf(byte[] der) => Assert.Throws<CryptographicException>(() => OcspStaple.Parse(der)).Message;
}
