using Pilotfish.Api.Yaml;
using Pilotfish.Local.Manifests;
using Pilotfish.Local.Mesh;
using Pilotfish.Local.Network;

namespace Pilotfish.Local.Tests.Mesh;

public sealed class ServiceCatalogTests
{
    private readonly ServiceCatalog _catalog = new(new AddressPlan());

    [Theory]
    [InlineData("port out of range", "ports: [{port: 99999}]", "'port' must be a whole number from 1 to 65535.")]
    [InlineData("port without number", "ports: [{name: http}]", "The port of a Service has no 'port'.")]
    [InlineData("target out of range", "ports: [{port: 80, targetPort: 70000}]", "'targetPort' must be a whole number from 1 to 65535.")]
    [InlineData("negative target", "ports: [{port: 80, targetPort: -1}]", "'targetPort' must be a whole number from 1 to 65535.")]
    [InlineData("unknown protocol", "ports: [{port: 80, protocol: HTTP}]", "'protocol' must be TCP, UDP or SCTP, but is 'HTTP'.")]
    [InlineData("ports no list", "ports: 80", "'ports' must be a list, but is")]
    [InlineData("selector of lists", "selector: {app: [a]}", "'selector.app' must be text")]
    [InlineData("flag no flag", "publishNotReadyAddresses: perhaps", "'publishNotReadyAddresses' must be true or false.")]
    [InlineData("address of DNS", "clusterIP: 10.96.0.10", "clusterIP '10.96.0.10' is not a free address")]
    public void BadService_IsRefusedWithItsPlaceAndTheOthersServe(string label, string spec, string problem)
    {
        string[] errors = Update(Service("bad", spec), Service("good", "ports: [{port: 80}]"));

        string error = Assert.Single(errors);
        Assert.True(error.StartsWith("bad.yaml:4:", StringComparison.Ordinal) || error.StartsWith("bad.yaml:1:", StringComparison.Ordinal), error);
        Assert.True(error.Contains(problem, StringComparison.Ordinal), $"{label}: {error}");
        Assert.Equal("default/good", Assert.Single(_catalog.Routes([])).Name);
        Assert.Contains("good.default.svc.cluster.local", _catalog.Names([]).Addresses.Keys);
    }

    [Fact]
    public void Service_ThatBreaks_KeepsItsAddressAndPortsUntilItIsMended()
    {
        Assert.Empty(Update(Service("web", "ports: [{port: 80}]")));
        ServiceRoute before = Assert.Single(_catalog.Routes([]));

        Assert.Single(Update(Service("web", "ports: [{port: 0}]")));
        ServiceRoute during = Assert.Single(_catalog.Routes([]));
        Assert.Equal((before.Address, 80), (during.Address, during.Port));

        Assert.Empty(Update(Service("web", "ports: [{port: 81}]")));
        ServiceRoute after = Assert.Single(_catalog.Routes([]));
        Assert.Equal((before.Address, 81), (after.Address, after.Port));
    }

    private static ManifestObject Service(string name, string spec)
    {
        string text = $"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n";
        YamlParseResult parsed = YamlDocuments.Parse(System.Text.Encoding.UTF8.GetBytes(text), name + ".yaml");
        Assert.True(parsed.IsOk);
        return new ManifestObject("v1", "Service", new ObjectName("default", name), (YamlMapping)parsed.Documents[0]);
    }

    private string[] Update(params ManifestObject[] services)
    {
        var errors = new List<string>();
        _catalog.Update(new ManifestSet(services), errors);
        return [.. errors];
    }
}
