namespace Pilotfish.Agent.Identity;

/// <summary>The kinds of secrets that the agent serves.</summary>
internal enum SecretNameKind
{
    /// <summary><c>default</c>.</summary>
    WorkloadCertificate,

    /// <summary><c>ROOTCA</c>.</summary>
    WorkloadRoots,

    /// <summary><c>file-cert:CHAIN~KEY</c>.</summary>
    CertificateFiles,

    /// <summary><c>file-root:PATH</c>.</summary>
    RootFile,

    /// <summary><c>file-root:system</c>.</summary>
    SystemRoots,
}
