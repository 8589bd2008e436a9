using Istio.Mesh.V1Alpha1;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Sources.Objects;

namespace Pilotfish.ControlPlane.Tests.Validation;

/// <summary>What a person reads who configured access logs wrongly: the place in the file, the operator, and where in the format.</summary>
public sealed class MeshRulesTests
{
    [Theory]
    [InlineData("accessLogFile: /dev/stdout\naccessLogFormat: '%REQ(:METHOD)% %UPSTREAM_REQUEST_ATTEMPT_COUNT%'")]
    [InlineData("accessLogEncoding: JSON\naccessLogFormat: '{\"code\": \"%RESPONSE_CODE%\", \"nested\": {\"a\": [1, true, \"%PROTOCOL%\"]}}'")]
    [InlineData("extensionProviders: [{name: a, envoyFileAccessLog: {logFormat: {labels: {x: '%PROTOCOL%'}}}}, {name: b, envoyOtelAls: {service: ns/otel.example.com, port: 4317}}]")]
    [InlineData("extensionProviders: [{name: z, zipkin: {service: zipkin.istio-system.svc.cluster.local, port: 9411}}]")]
    public void Good_IsRead(string text) => Assert.NotNull(Read(text, out _));

    [Theory]
    [InlineData("accessLogFormat: '%START_TIME% %NO_SUCH%'", "mesh.yaml:1:18: accessLogFormat: operator %NO_SUCH% is not known (at character 14 of the format).")]
    [InlineData("a: 1\naccess_log_format: '%DURATION(x)%'", "mesh.yaml:2:20: accessLogFormat: operator %DURATION% takes no arguments")]
    [InlineData("accessLogFile: /dev/stdout\naccessLogFormat: |\n  ok %PROTOCOL%\n  %START_TIME(%Q)%", "mesh.yaml:2:18: accessLogFormat: operator %START_TIME% is wrong: the time format has the specifier '%Q'")]
    [InlineData("accessLogFormat: '100% sure'", "'%' begins no operator; write '%%' for a percent sign (at character 4 of the format).")]
    [InlineData("accessLogFormat: '%CEL(response.kode)%'", "operator %CEL% is wrong: 'response.kode'")]
    [InlineData("accessLogEncoding: XML", "mesh.yaml:1:20")]
    [InlineData("accessLogEncoding: JSON\naccessLogFormat: '{\"a\": }'", "mesh.yaml:2:18: accessLogFormat: with accessLogEncoding JSON it must be a JSON object, but it is no JSON at line 1, column 7 of the format.")]
    [InlineData("accessLogEncoding: JSON\naccessLogFormat: '[1]'", "it must be a JSON object of keys and formats")]
    [InlineData("accessLogEncoding: JSON\naccessLogFormat: '{\"a\": {\"b\": [\"%NO_SUCH%\"]}}'", "mesh.yaml:2:18: accessLogFormat.a.b[0]: operator %NO_SUCH% is not known")]
    [InlineData("extensionProviders:\n- name: a\n  envoyFileAccessLog:\n    logFormat:\n      text: '%NO_SUCH%'", "mesh.yaml:5:13: extensionProviders[0].envoyFileAccessLog.logFormat.text: operator %NO_SUCH%")]
    [InlineData("extensionProviders:\n- name: a\n  envoyFileAccessLog:\n    logFormat:\n      labels:\n        a.b: '%REQ%'", "mesh.yaml:6:14: extensionProviders[0].envoyFileAccessLog.logFormat.labels.a.b: operator %REQ% needs a header name")]
    [InlineData("extensionProviders:\n- name: o\n  envoyOtelAls: {service: otel, port: 1, logFormat: {text: '%X%'}}", "mesh.yaml:3:60: extensionProviders[0].envoyOtelAls.logFormat.text: operator %X%")]
    [InlineData("extensionProviders: [{name: a, envoyHttpAls: {service: 'x y', port: 1}}]", "extensionProviders[0].envoyHttpAls.service: 'x y' is no host name")]
    [InlineData("extensionProviders: [{name: a, envoyTcpAls: {service: x, port: 0}}]", "extensionProviders[0].envoyTcpAls.port: 0 is not between 1 and 65535.")]
    [InlineData("extensionProviders: [{name: a, prometheus: {}}, {name: a, prometheus: {}}]", "extensionProviders[1].name: 'a' is the name of two providers.")]
    [InlineData("extensionProviders: [{prometheus: {}}]", "extensionProviders[0].name: a name is needed.")]
    [InlineData("extensionProviders: [{name: a}]", "extensionProviders[0]: it provides nothing")]
    public void Bad_NamesPlaceFieldAndOperator(string text, string problem)
    {
        Assert.Null(Read(text, out var errors));
        Assert.Contains(problem, string.Join('|', errors), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("  mesh: |\n    accessLogFile: /dev/stdout\n    accessLogFormat: '%NO_SUCH%'\n", "m.yaml:7:22: ConfigMap istio-system/istio, key mesh: accessLogFormat: operator %NO_SUCH%")]
    [InlineData("  mesh: |-\n\n    # logs\n    accessLogEncoding: TEXTS\n", "m.yaml:8:24: ConfigMap istio-system/istio, key mesh: ")]
    [InlineData("  mesh: \"accessLogFormat: '%NO_SUCH%'\"\n", "m.yaml (ConfigMap istio-system/istio, key mesh):1:18: accessLogFormat: operator %NO_SUCH%")]
    public void BadInAConfigMap_NamesThePlaceInTheFile(string data, string problem)
    {
        var text = $"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system}}\ndata:\n{data}";
        var read = new ObjectReader("cluster.local").Read(System.Text.Encoding.UTF8.GetBytes(text), "m.yaml");

        Assert.Contains(problem, string.Join('|', read.Errors), StringComparison.Ordinal);
    }

    private static MeshConfig? Read(string text, out List<SourceError> errors) => ObjectReader.ReadMesh(text, "mesh.yaml", errors = [], []);
}
