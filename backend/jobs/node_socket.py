"""The backend's end of a node's link: ``/api/node``."""

from __future__ import annotations

import logging

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from backend.jobs.closing import Close, RefusedError, first_fault
from backend.jobs.node_messages import (
    NODE_VERSION,
    NodeHello,
    NodeLeaving,
    NodeReleased,
    NodeWelcome,
    node_messages,
)
from backend.jobs.nodes import Node
from backend.jobs.process import Send
from backend.jobs.socket import checked_hello, let_in, refuse, text
from backend.services import Services

log = logging.getLogger(__name__)
router = APIRouter()


@router.websocket("/api/node")
async def node_socket(socket: WebSocket) -> None:
    """One node's connection, from hello to the end."""
    services: Services = socket.app.state.services
    if not await let_in(socket, services.token):
        return
    # One object for all its uses: it tells this connection from the node's next one.
    send: Send = socket.send_text
    nodes = services.manager.crew.nodes
    node: Node | None = None
    try:
        hello = checked_hello(NodeHello, await text(socket), NODE_VERSION)
        _check_leading(services)
        node = await nodes.connect(hello, send, socket.close)
        await send(NodeWelcome().model_dump_json())
        nodes.connected(node)
        log.info("node %s: %s places, %s", node.name, hello.places, ", ".join(hello.devices))
        services.manager.launcher.stir()
        while node.send is send:
            await _hear(services, node, await text(socket), send)
    except RefusedError as error:
        await refuse(socket, error.code, str(error))
    except ValidationError as error:
        await refuse(socket, Close.MESSAGE, f"message: {first_fault(error)}")
    except (WebSocketDisconnect, RuntimeError) as error:
        log.debug("node link cut: %s", error)
    finally:
        if node is not None:
            nodes.lost(node, send)


async def _hear(services: Services, node: Node, said: str, send: Send) -> None:
    message = node_messages.validate_json(said)
    services.manager.crew.nodes.heard(node, message)
    if isinstance(message, NodeLeaving):
        services.manager.node_leaves(node)
        await send(NodeReleased().model_dump_json())


def _check_leading(services: Services) -> None:
    lead = services.lead
    if lead is not None and not lead.leading:
        words = f"the jobs of this store are run by {lead.leader or 'nobody now'}"
        raise RefusedError(Close.ELSEWHERE, f"{words}; connect there")
