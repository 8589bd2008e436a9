namespace Pilotfish.Local.Tests.Mesh;

/// <summary>Manifests that tests share. The server is written in the Perl that every Debian has.</summary>
internal static class Manifest
{
    public const string Server = """
        ["perl", "-MIO::Socket::INET", "-MSys::Hostname", "-e", "$s = IO::Socket::INET->new(LocalPort => 8080, Listen => 50, ReuseAddr => 1); while ($c = $s->accept) { while (<$c>) { last if /^\\r?$/ } print $c qq(HTTP/1.1 200 OK\\r\\nconnection: close\\r\\n\\r\\n), hostname, qq(\\n); close $c }"]
        """;

    public static string Deployment(string name, int replicas, string extra = "") => $$$"""
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: {{{name}}}}
        spec:
          replicas: {{{replicas}}}
          selector: {matchLabels: {app: {{{name}}}}}
          template:
            metadata: {labels: {app: {{{name}}}}}
            spec:
              terminationGracePeriodSeconds: 3
              containers:
              - name: app
                command: {{{Server.Trim()}}}
                readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
                {{{extra}}}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: {{{name}}}}
        spec:
          selector: {app: {{{name}}}}
          ports: [{name: http, port: 80, targetPort: 8080}]
        ---

        """;

    public static string Pod(string name, string script, string podExtra = "", string containerExtra = "") => $$$"""
        apiVersion: v1
        kind: Pod
        metadata: {name: {{{name}}}, labels: {app: {{{name}}}}}
        spec:
          terminationGracePeriodSeconds: 2
          {{{podExtra}}}
          containers:
          - name: app
            command: ["sh", "-c", "{{{System.Text.Json.JsonEncodedText.Encode(script)}}}"]
            {{{containerExtra}}}
        ---

        """;
}
