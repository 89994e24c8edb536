"""Whether the interfaces of a configuration are those of the machine."""

from collections.abc import Iterator

from doorman.config.model import Config, Interface
from doorman.dataplanes.netfilter.requirements.finding import Finding, found, missing, warning
from doorman.dataplanes.netfilter.requirements.host import Host
from doorman.net.addresses import address_text


def interfaces(host: Host, config: Config) -> Iterator[Finding]:
    """Each interface of the configuration that is not shut down."""
    for interface in config.interfaces.values():
        if not interface.shutdown:
            yield _interface(host, interface)


def _interface(host: Host, interface: Interface) -> Finding:
    name = f"interface {interface.name}"
    required = interface.nat is not None
    if interface.name not in host.interfaces:
        known = ", ".join(sorted(host.interfaces)) or "none"
        mend = f"name it as 'ip link' does: {known}"
        return missing(name, "the kernel has no interface of this name", mend, required=required)
    addresses = host.interfaces[interface.name]
    shown = ", ".join(sorted(f"{address_text(address)}/{length}" for address, length in addresses)) or "no address"
    if interface.address is None:
        if addresses or not required:
            return found(name, shown, required=required)
        return warning(name, "it has no address", f"ip address add ADDRESS/LENGTH dev {interface.name}")
    wanted = interface.address, interface.prefix_length
    if wanted in addresses:
        return found(name, shown, required=required)
    text = f"{address_text(interface.address)}/{interface.prefix_length}"
    mend = f"ip address add {text} dev {interface.name}, or doorman run --apply-addresses"
    return warning(name, f"the configuration says {text}, the kernel {shown}", mend)
