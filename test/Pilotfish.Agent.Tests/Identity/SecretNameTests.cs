using Pilotfish.Agent.Identity;

namespace Pilotfish.Agent.Tests.Identity;

public sealed class SecretNameTests
{
    [Theory]
    [InlineData("default", "WorkloadCertificate", "", "")]
    [InlineData("ROOTCA", "WorkloadRoots", "", "")]
    [InlineData("file-cert:/etc/a.pem~/etc/b.pem", "CertificateFiles", "/etc/a.pem", "/etc/b.pem")]
    [InlineData("file-root:/etc/ca.pem", "RootFile", "/etc/ca.pem", "")]
    [InlineData("file-root:system", "SystemRoots", "system", "")]
    public void Name_OfASecret_IsTakenApart(string name, string kind, string chain, string key)
    {
        Assert.True(SecretName.TryParse(name, out SecretName parsed));
        Assert.Equal((kind, chain, key), (parsed.Kind.ToString(), parsed.Chain, parsed.Key));
    }

    [Theory]
    [InlineData("")]
    [InlineData("rootca")]
    [InlineData("kubernetes://secret")]
    [InlineData("file-cert:")]
    [InlineData("file-cert:/a")]
    [InlineData("file-cert:/a~")]
    [InlineData("file-cert:~/b")]
    [InlineData("file-cert:/a~/b~/c")]
    [InlineData("file-root:")]
    [InlineData("file-root:/a~/b")]
    public void Name_OfNothing_IsRefused(string name) => Assert.False(SecretName.TryParse(name, out _));
}
