using Pilotfish.ControlPlane.Injection.KubeInject;

namespace Pilotfish.ControlPlane.Tests.Injection.KubeInject;

/// <summary>What single settings of an installation change of a pod (istio: files/injection-template.yaml), those that no recorded case has.</summary>
public sealed class InstallationSettingTests
{
    private const string Pod = """
        apiVersion: v1
        kind: Pod
        metadata: {name: p, namespace: shop, labels: {app: web, service.istio.io/workload-name: my-load}}
        spec: {containers: [{name: app, image: x, ports: [{containerPort: 80}]}]}
        """;

    // A line of the result, or with "-" before it a text that must not be there; what it is without the setting is the opposite.
    [Theory]
    [InlineData("meshConfig.defaultConfig.proxyMetadata.IPTABLES_TRACE_LOGGING=true", "privileged: true")]
    [InlineData("meshConfig.defaultConfig.proxyMetadata.ISTIO_META_ENABLE_HBONE=true", "networking.istio.io/tunnel: http")]
    [InlineData("meshConfig.inboundTrafficPolicy.mode=LOCALHOST", "- name: REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION")]
    [InlineData("meshConfig.enablePrometheusMerge=false", "-prometheus.io/scrape")]
    [InlineData("meshConfig.defaultConfig.holdApplicationUntilProxyStarts=true", "postStart:")]
    [InlineData("meshConfig.defaultConfig.statusPort=15022", "prometheus.io/port: \"15022\"")]
    [InlineData("values.global.proxy.holdApplicationUntilProxyStarts=true", "postStart:")]
    [InlineData("values.global.caName=GkeWorkloadCertificate", "driver: workloadcertificates.security.cloud.google.com")]
    [InlineData("values.global.caName=GkeWorkloadCertificate", "-name: workload-certs")]
    [InlineData("values.global.trustBundleName=my-bundle", "name: my-bundle")]
    [InlineData("values.global.pilotCertProvider=kubernetes", "-mountPath: /var/run/secrets/istio\n")]
    [InlineData("values.global.mountMtlsCerts=true", "secretName: istio.default")]
    [InlineData("values.global.logAsJson=true", "--log_as_json")]
    [InlineData("values.global.sts.servicePort=15463", "--stsPort=15463")]
    [InlineData("values.global.nativeNftables=true", "--native-nftables")]
    [InlineData("values.global.proxy_init.forceApplyIptables=true", "--force-apply")]
    [InlineData("values.global.proxy.outlierLogPath=/tmp/o", "--outlierLogPath=/tmp/o")]
    [InlineData("values.global.proxy.seccompProfile.type=RuntimeDefault", "type: RuntimeDefault")]
    [InlineData("values.global.proxy.startupProbe.enabled=false", "-startupProbe:")]
    [InlineData("values.global.caAddress=ca:1", "value: ca:1")]
    [InlineData("values.global.network=n1", "topology.istio.io/network: n1")]
    [InlineData("values.global.multiCluster.clusterName=c1", "value: c1")]
    [InlineData("values.global.imagePullPolicy=Always", "imagePullPolicy: Always")]
    public void Setting_ChangesThePod(string setting, string expected)
    {
        bool isAbsent = expected.StartsWith('-') && !expected.StartsWith("--", StringComparison.Ordinal) && !expected.StartsWith("- ", StringComparison.Ordinal);
        string text = isAbsent ? expected[1..] : expected;

        Assert.Equal(isAbsent, Inject(_ => null).Contains(text, StringComparison.Ordinal));
        Assert.Equal(!isAbsent, Inject(_ => null, setting).Contains(text, StringComparison.Ordinal));
    }

    [Fact]
    public void Multus_NamesTheNetworkOfThePlugin()
    {
        string pod = Inject(_ => null, "components.cni.enabled=true", "values.cni.provider=multus");

        Assert.Contains("k8s.v1.cni.cncf.io/networks: default/istio-cni", pod, StringComparison.Ordinal);
        Assert.Contains("name: istio-validation", pod, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("fips-140-3", true)]
    [InlineData("pqc", false)]
    public void CompliancePolicy_ReachesTheProxy(string policy, bool isFips)
    {
        string pod = Inject(name => name == "COMPLIANCE_POLICY" ? policy : null);

        Assert.Contains($"value: {policy}", pod, StringComparison.Ordinal);
        Assert.Equal(isFips, pod.Contains("value: fips140=only", StringComparison.Ordinal));
    }

    [Fact]
    public void WorkloadName_ComesFromTheLabel()
    {
        Assert.Contains("- name: ISTIO_META_WORKLOAD_NAME\n      value: my-load\n", Inject(_ => null), StringComparison.Ordinal);
    }

    private static string Inject(Func<string, string?> environment, params string[] settings)
    {
        using var reader = new StringReader(Pod);
        using var output = new StringWriter { NewLine = "\n" };
        using var errors = new StringWriter();
        int exitCode = KubeInjectCommand.Run(
            new KubeInjectOptions { InputFile = "-", Settings = settings }, environment, reader, output, errors);
        Assert.Equal((0, ""), (exitCode, errors.ToString()));
        return output.ToString();
    }
}
